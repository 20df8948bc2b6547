# SPDX-License-Identifier: Apache-2.0

"""Daemons that write the files: rrdcached and collectd.

What sends them points is not counted.
"""

import os
import pathlib
import socket
import struct
import time
import typing

import psutil

from benchmarks.rrd_points import work as rrd_work
from energy_meter.tests.functional.services import base
from energy_meter.tests.functional.services import rrdcached

_TIMEOUT_S = 120.0
#: Seconds after which collectd has to flush again.
_FLUSH_S = 5.0

#: Sizes in bytes of the parts of a file before the time of its last update.
_HEADER_SIZE, _DEFINITION_SIZE = 128, 120

#: Number of points in one message.
_CHUNK = 500

#: With more threads it loses points that come faster than one a second.
_COLLECTD = """
BaseDir "{directory}"
PIDFile "{directory}/pid"
FQDNLookup false
Interval 1
WriteThreads 1
LoadPlugin unixsock
<Plugin unixsock>
  SocketFile "{directory}/socket"
  DeleteSocket true
</Plugin>
"""
#: CacheTimeout is the time from the first to the last point of a flush.
_COLLECTD_RRDTOOL = """
LoadPlugin rrdtool
<Plugin rrdtool>
  DataDir "{directory}/rrd"
  StepSize 1
  CacheTimeout {timeout}
</Plugin>
"""


def write_rrdcached(work: rrd_work.Work) -> rrd_work.Cost:
    """Send points to rrdcached, and make it write them after each flush."""
    with (
        rrdcached.RRDCached(work.directory) as daemon,
        _Client(daemon.socket) as client,
    ):

        def flush(times: range) -> None:
            for timestamp in times:
                client.send('BATCH')
                for number, path in enumerate(paths):
                    watts = rrd_work.watts(number, timestamp)
                    client.send(f'UPDATE {path} {timestamp}:{watts}')
                client.send('.')
                client.expect_success(2)
            client.send('FLUSHALL')
            client.expect_success()
            _wait_until_written(work, times[-1])

        paths = work.paths()
        process = psutil.Process(daemon.pid)
        return rrd_work.measure(work, process, flush)


def write_collectd(work: rrd_work.Work) -> rrd_work.Cost:
    """Send points to collectd, which writes those of a flush together."""
    with (
        _Collectd(work, writes=True) as daemon,
        _Client(daemon.socket) as client,
    ):

        def flush(times: range) -> None:
            _put(client, work.count, times)
            base.wait_for(
                lambda: _flush_collectd(client, work, times[-1]),
                _TIMEOUT_S,
                'collectd to write all points',
            )

        return rrd_work.measure(work, psutil.Process(daemon.pid), flush)


def _flush_collectd(
    client: '_Client', work: rrd_work.Work, timestamp: int
) -> bool:
    """Flush points, and return whether all of them are written.

    Points that still wait for the thread that writes escape a flush.
    """
    client.send('FLUSH')
    client.expect_success()
    deadline = time.monotonic() + _FLUSH_S
    while not _is_written(work, timestamp):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def send_collectd(work: rrd_work.Work) -> rrd_work.Cost:
    """Send points to collectd, which writes nothing."""
    with (
        _Collectd(work, writes=False) as daemon,
        _Client(daemon.socket) as client,
    ):
        return rrd_work.measure(
            work,
            psutil.Process(daemon.pid),
            lambda times: _put(client, work.count, times),
        )


def _put(client: '_Client', count: int, times: range) -> None:
    for timestamp in times:
        for first in range(0, count, _CHUNK):
            numbers = range(first, min(first + _CHUNK, count))
            for number in numbers:
                client.send(
                    f'PUTVAL {rrd_work.name(number)}/power/power interval=1 '
                    f'{timestamp}:{rrd_work.watts(number, timestamp)}'
                )
            client.expect_success(len(numbers))


def _wait_until_written(work: rrd_work.Work, timestamp: int) -> None:
    base.wait_for(
        lambda: _is_written(work, timestamp),
        _TIMEOUT_S,
        'a daemon to write all points',
    )


def _is_written(work: rrd_work.Work, timestamp: int) -> bool:
    return all(_last(path) == timestamp for path in work.paths())


def _last(path: str) -> int:
    """Return when a file was last updated.

    librrd would lock the file, so that the daemon could not write it.
    """
    with open(path, 'rb') as file:
        header = file.read(_HEADER_SIZE)
        sources, archives = struct.unpack_from('2L', header, 24)
        file.seek(_HEADER_SIZE + (sources + archives) * _DEFINITION_SIZE)
        last: int = struct.unpack('l', file.read(8))[0]
    return last


class _Collectd(base.Process):
    """collectd with the plugins of this benchmark.

    :param writes: whether it writes files.
    """

    def __init__(self, work: rrd_work.Work, writes: bool) -> None:
        super().__init__(
            ['collectd', '-f'],
            ready=lambda: pathlib.Path(self.socket).exists(),
        )
        self._work = work
        self._writes = writes

    def prepare(self) -> None:
        """Write its configuration, and link its files."""
        self.socket = str(self.directory / 'socket')
        configuration = self.directory / 'collectd.conf'
        configuration.write_text(
            (_COLLECTD + (_COLLECTD_RRDTOOL if self._writes else '')).format(
                directory=self.directory, timeout=self._work.seconds - 1
            )
        )
        self.argv += ['-C', str(configuration)]
        for number, path in enumerate(self._work.paths()):
            files = self.directory / 'rrd' / rrd_work.name(number) / 'power'
            files.mkdir(parents=True)
            os.link(path, files / 'power.rrd')


class _Client:
    """Connection to a daemon that reads commands in lines."""

    def __init__(self, path: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(path)
        self._stream = self._socket.makefile('rw')

    def __enter__(self) -> typing.Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._stream.close()
        self._socket.close()

    def send(self, line: str) -> None:
        """Send a command, with the next :meth:`receive` at the latest."""
        self._stream.write(line + '\n')

    def expect_success(self, count: int = 1) -> None:
        """Receive answers.

        :raises RuntimeError: if a command failed.
        """
        self._stream.flush()
        for _ in range(count):
            answer = self._stream.readline()
            if not answer.startswith('0 '):
                raise RuntimeError(f'a daemon answers: {answer}')
