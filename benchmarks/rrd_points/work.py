# SPDX-License-Identifier: Apache-2.0

"""The work of all programs: points of one second for each file."""

import collections.abc
import os
import pathlib
import shutil
import typing

import psutil

from benchmarks import processes
from energy_meter import conf as energy_meter_conf
from energy_meter.rrd.files import layout as rrd_layout
from energy_meter.rrd.files import librrd
from energy_meter.rrd.files import rrdfile


class Work(typing.NamedTuple):
    """Points to write, in flushes.

    The first flush is the warm-up: it opens all files and is not counted.

    :ivar directory: of the files.
    :ivar count: number of files.
    :ivar start: timestamp before the first point.
    :ivar flushes: that are counted.
    :ivar seconds: of one flush; each file gets a point for each.
    """

    directory: pathlib.Path
    count: int
    start: int
    flushes: int
    seconds: int

    @property
    def end(self) -> int:
        """Timestamp of the last points."""
        return self.start + (self.flushes + 1) * self.seconds

    @property
    def points(self) -> int:
        """Number of points that are counted."""
        return self.count * self.flushes * self.seconds

    def paths(self) -> list[str]:
        """Return the paths of the files."""
        return [
            str(self.directory / f'{name(number)}.rrd')
            for number in range(self.count)
        ]

    def times(self) -> list[range]:
        """Return the timestamps of the points of each flush."""
        return [
            range(first + 1, first + 1 + self.seconds)
            for first in range(self.start, self.end, self.seconds)
        ]


class Cost(typing.NamedTuple):
    """What the counted points cost.

    :ivar cpu: processor time in seconds, of all processes.
    :ivar written: bytes of the pages of files that were changed.
    :ivar memory: resident memory in MiB, at the end.
    """

    cpu: float
    written: int
    memory: float


Flush = collections.abc.Callable[[range], object]


def measure(work: Work, process: psutil.Process, flush: Flush) -> Cost:
    """Return what a process needs for the points that are counted.

    :param flush: writes points with these timestamps into all files.
    """
    warm_up, *flushes = work.times()
    flush(warm_up)
    # Otherwise pages that have changed in the warm-up would not count again.
    os.sync()
    before = _cost(process)
    for times in flushes:
        flush(times)
    after = _cost(process)
    return Cost(
        after.cpu - before.cpu, after.written - before.written, after.memory
    )


def _cost(process: psutil.Process) -> Cost:
    """Return the cost of a process so far."""
    return Cost(
        processes.cpu_seconds(process.pid),
        process.io_counters().write_bytes,
        process.memory_info().rss / 2**20,
    )


def name(number: int) -> str:
    """Return the probe of a file."""
    return f'node-{number:06}'


def watts(number: int, timestamp: int) -> float:
    """Return the value of a point."""
    return 100.0 + (7 * number + 13 * timestamp) % 97


def create(directory: pathlib.Path, count: int, start: int) -> None:
    """Create files with the default archives, all with an early point."""
    conf = energy_meter_conf.load([], 'benchmark', files=[])
    paths = Work(directory, count, start, 0, 0).paths()
    directory.mkdir()
    rrdfile.create(pathlib.Path(paths[0]), start, rrd_layout.Layout(conf.rrd))
    for path in paths[1:]:
        shutil.copyfile(paths[0], path)
    os.sync()


def verify(work: Work) -> None:
    """Check that each file has all counted points.

    :raises RuntimeError: if one has not.
    """
    first = work.start + work.seconds
    for number, path in enumerate(work.paths()):
        rows = librrd.fetch(path, librrd.AVERAGE, first, work.end, 1)
        expected: collections.abc.Sequence[float] = [
            watts(number, timestamp)
            for timestamp in range(first + 1, work.end + 1)
        ]
        if rows != librrd.Rows(first, 1, list(expected)):
            raise RuntimeError(f'{path} has not the points: {rows}')
