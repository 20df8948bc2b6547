# SPDX-License-Identifier: Apache-2.0

"""The pages of many probes in uWSGI, and the process that writes the files."""

import logging
import pathlib
import shutil
import time
import typing

import fixtures
import psutil

from benchmarks import processes
from energy_meter import conf as energy_meter_conf
from energy_meter import log_throttle
from energy_meter import measurement
from energy_meter.rrd import metrics
from energy_meter.rrd.files import names
from energy_meter.rrd.writing import space
from energy_meter.rrd.writing import writer
from energy_meter.telemetry import counters
from energy_meter.tests.functional.api import browser
from energy_meter.tests.functional.api import servers
from energy_meter.tests.functional.services import base
from energy_meter.tests.functional.services import commands

#: Seconds of history, and between two measurements.
_HISTORY_S, _INTERVAL_S = 7200, 10

#: Seconds by which the times of the rounds are behind. Probes are stale after
#: twice the interval of flushes, which only the benchmark starts.
_BEHIND_S, _FLUSH_INTERVAL_S = 400, 300


class Answer(typing.NamedTuple):
    """Answer of the server, and what it took.

    :ivar seconds: from the request to the last byte.
    :ivar cpu: seconds of all processes of the server.
    """

    response: browser.Response
    seconds: float
    cpu: float


class Site(fixtures.Fixture):
    """Pages of probes that were read for two hours, every ten seconds.

    :param count: number of probes.
    """

    def __init__(self, count: int) -> None:
        super().__init__()
        self._count = count
        self._start = int(time.time()) // 60 * 60 - _BEHIND_S - _HISTORY_S
        self._elapsed = 0

    def _setUp(self) -> None:
        directory = self.useFixture(fixtures.TempDir(base.TEMPORARY)).path
        self._graphs = pathlib.Path(directory, 'state', 'graphs')
        self._archive = pathlib.Path(directory, 'state', 'rrd')
        configuration = commands.Configuration(
            directory, rrd={'flush_interval': _FLUSH_INTERVAL_S}
        )
        conf = energy_meter_conf.load(
            ['--config-file', str(configuration.path)], 'benchmark'
        )
        self._writer = writer.Writer(
            conf,
            counters.Counters(metrics.COUNTERS),
            log_throttle.ThrottledLogger(logging.getLogger()),
        )
        self.addCleanup(self._writer.close)
        for _ in range(-(-self._count // space.MAX_NEW_FILES)):
            self.measure(1)
        self.measure(_HISTORY_S // _INTERVAL_S)
        self._server = self.useFixture(
            servers.UWSGI(configuration, 'energy_meter.wsgi.rrd')
        )
        self.url = f'http://127.0.0.1:{self._server.port}'

    @property
    def now(self) -> int:
        """Time of the last measurements, in seconds since the epoch."""
        return self._start + self._elapsed

    def paths(self) -> list[str]:
        """Return the paths of all files."""
        return [
            str(self._archive / names.to_file(_name(number)))
            for number in range(self._count)
        ]

    def measure(self, times: int = 1) -> None:
        """Write the next measurements of all probes."""
        for _ in range(times):
            self._elapsed += _INTERVAL_S
            self._writer.put(map(self._measurement, range(self._count)))
        self._writer.flush()

    def empty_cache(self) -> None:
        """Delete all graphs."""
        shutil.rmtree(self._graphs, ignore_errors=True)

    def get(self, path: str, **headers: str) -> Answer:
        """Request a document, and measure it."""
        cpu = self.cpu()
        began = time.perf_counter()
        response = browser.get(self._server.port, path, **headers)
        seconds = time.perf_counter() - began
        return Answer(response, seconds, self.cpu() - cpu)

    def cpu(self) -> float:
        """Return the seconds that all processes of the server have used."""
        process = psutil.Process(self._server.pid)
        family = [process, *process.children(recursive=True)]
        return sum(processes.cpu_seconds(member.pid) for member in family)

    def _measurement(self, number: int) -> measurement.Measurement:
        name = _name(number)
        elapsed = self._elapsed * 1000
        return measurement.Measurement(
            measurement.Series(
                measurement.Probe(
                    name, 'node', name, 'meter', 'ipmi', 'agent'
                ),
                measurement.RegisterKey('agent', f'{number:016x}'),
                None,
                True,
            ),
            self._start * 1000 + elapsed,
            elapsed,
            elapsed * 100,
            elapsed,
            100.0 + (7 * number + self._elapsed) % 300,
        )


def _name(number: int) -> str:
    return f'node-{number:05}'
