# SPDX-License-Identifier: Apache-2.0

"""Fixture for the pages with an archive and an API of which tests decide."""

import datetime
import logging
import math
import pathlib
import time
import urllib.parse
import zoneinfo

import fixtures

from energy_meter import conf as energy_meter_conf
from energy_meter import log_throttle
from energy_meter import measurement
from energy_meter.rrd import metrics
from energy_meter.rrd.pages import app
from energy_meter.rrd.writing import writer
from energy_meter.telemetry import counters
from energy_meter.tests.functional.services import base
from energy_meter.tests.functional.services import commands
from energy_meter.tests.functional.services import http
from energy_meter.tests.unit import energy_documents as documents

HOSTILE = 'x:y\'"\\n%s<script>'
PROBES = ('node-1', 'node-2', HOSTILE)

#: The qualities of successive intervals, from the newest to the oldest.
QUALITIES: tuple[dict[str, object], ...] = (
    {},
    {'quality': 'estimated', 'uncertain_kwh': 0.02},
    {'quality': 'partial', 'coverage': 0.4},
    {'quality': 'missing', 'coverage': 0.0},
    {},
    {},
)
#: Number of intervals, among the newest, that are open.
OPEN = 3

_HISTORY_S = 7200
_INTERVAL_S = 10


class API(http.HTTPServer):
    """API whose probes had every quality of energy.

    Each interval has as many watt-hours as its number from the newest, times
    100; a missing one has none.
    """

    def __init__(self) -> None:
        super().__init__(self.energy)

    def energy(self, request: http.Request) -> http.Answer:
        """Answer a request for the energy of one or of all probes."""
        parts = urllib.parse.urlsplit(request.path)
        query = dict(urllib.parse.parse_qsl(parts.query))
        rows = _intervals(query)
        segments = parts.path.split('/')
        if segments[2] == 'energy':
            return http.page(
                documents.listing(
                    [documents.probe(probe, rows) for probe in PROBES]
                )
            )
        return http.page(
            documents.document(urllib.parse.unquote(segments[3]), rows)
        )


def _intervals(query: dict[str, str]) -> list[dict[str, object]]:
    start, end = (
        datetime.datetime.fromisoformat(query[name])
        for name in ('start', 'end')
    )
    zone = zoneinfo.ZoneInfo(query['timezone'])
    edges = [start]
    while edges[-1] < end:
        edges.append(
            min(_next(edges[-1].astimezone(zone), query['step']), end)
        )
    count = len(edges) - 1
    rows = []
    for number in range(count):
        age = count - 1 - number
        fields = dict(QUALITIES[age % len(QUALITIES)])
        if age < OPEN:
            fields.update(state='open', version=None)
        watt_hours = 0 if fields.get('coverage') == 0 else (age + 1) * 100
        rows.append(
            documents.interval(
                edges[number],
                edges[number + 1],
                watt_hours * 3_600_000,
                **fields,
            )
        )
    return rows


def _next(time: datetime.datetime, step: str) -> datetime.datetime:
    midnight = time.replace(hour=0, minute=0, second=0, microsecond=0)
    if step == 'month':
        return (midnight.replace(day=1) + datetime.timedelta(days=32)).replace(
            day=1
        )
    if step == 'day':
        return midnight + datetime.timedelta(days=1)
    return time.astimezone(datetime.UTC) + datetime.timedelta(
        seconds=int(step)
    )


class Site(fixtures.Fixture):
    """The pages of probes that were read for two hours, every ten seconds.

    :param api_url: URL of another API than :attr:`api`.
    :ivar api: the API from which they read energy.
    :ivar url: URL of the pages.
    """

    def __init__(self, api_url: str | None = None) -> None:
        super().__init__()
        self._api_url = api_url

    def _setUp(self) -> None:
        directory = self.useFixture(fixtures.TempDir(base.TEMPORARY)).path
        self.api = self.useFixture(API())
        port = base.free_port()
        self.url = f'http://127.0.0.1:{port}'
        configuration = commands.Configuration(
            directory,
            rrd={
                'port': port,
                'refresh_interval': 1,
                'directory': pathlib.Path(directory, 'rrd'),
                'graph_directory': pathlib.Path(directory, 'graphs'),
            },
            energy_api={
                'auth_type': 'none',
                'endpoint_override': self._api_url or self.api.url,
                'timeout': 2,
            },
        )
        conf = energy_meter_conf.load(
            ['--config-file', str(configuration.path)], 'test'
        )
        archive = writer.Writer(
            conf,
            counters.Counters(metrics.COUNTERS),
            log_throttle.ThrottledLogger(logging.getLogger()),
        )
        for probe in PROBES:
            archive.put(_measurements(probe))
        archive.close()
        server = app.serve(conf)
        server.start()
        self.addCleanup(server.stop)


def _measurements(probe: str) -> list[measurement.Measurement]:
    """Return measurements of 100 to 200 W until now."""
    now = int(time.time())
    count = _HISTORY_S // _INTERVAL_S
    joules = 0.0
    result = []
    for number in range(count + 1):
        watts = 150 + 50 * math.sin(number / 60)
        joules += watts * _INTERVAL_S
        result.append(
            measurement.Measurement(
                measurement.Series(
                    measurement.Probe(
                        probe,
                        'node',
                        f'host of {probe}',
                        'meter',
                        'dummy',
                        'agent',
                    ),
                    measurement.RegisterKey(
                        'agent', f'{PROBES.index(probe):016}'
                    ),
                    None,
                    True,
                ),
                (now - (count - number) * _INTERVAL_S) * 1000,
                number * _INTERVAL_S * 1000,
                round(joules * 1000),
                number * _INTERVAL_S * 1000,
                watts,
            )
        )
    return result
