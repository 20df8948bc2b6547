# SPDX-License-Identifier: Apache-2.0

"""Agents that claim what is not theirs, against a collector and the API.

The site has an outlet that feeds the host web-1 with 1,000 W, a sum of two
probes with 5 W, and a server that can use 400 W. One agent, ``tenant``, has
its own secret; all others share one.
"""

import collections.abc
import concurrent.futures
import multiprocessing
import pathlib
import re
import resource
import tempfile
import time
import typing

import webtest

from energy_meter import conf as energy_meter_conf
from energy_meter import measurement
from energy_meter import signing
from energy_meter.api import app
from energy_meter.bus import envelope
from energy_meter.collector import service
from energy_meter.db import schema
from energy_meter.tests.attacks import attack

#: Seconds after which an attack that has not ended counts as successful.
MAX_SECONDS = 60.0

_CONFIGURATION = """
[DEFAULT]
transport_url = fake://
[database]
connection = sqlite:///{directory}/db
[bus]
secrets = shared
[api]
auth_strategy = noauth
[agent:tenant]
secrets = own
probes = tenant-*
[probe:sum]
sum = a, b
[probe:server]
max_watts = 400
"""
_DECADE_MS = 3650 * 86_400_000
_SAMPLE = re.compile(r'energy_meter_probe_(\w+)\{.*probe="([^"]*)".*\} (\S+)')


class Site:
    """A collector and the API, with their database."""

    def __init__(self, directory: str) -> None:
        file = pathlib.Path(directory, 'conf')
        file.write_text(_CONFIGURATION.format(directory=directory))
        self.conf = energy_meter_conf.load(['--config-file', str(file)], '')
        self.collector = service.Collector(self.conf, lambda: self.conf)
        schema.metadata.create_all(self.collector._engine)
        self.api = webtest.TestApp(app.make(self.conf))
        self.collector._configure()
        self.report('web-1-outlet', 1000.0, host='web-1', scope='outlet')
        for probe, watts in (('a', 2.0), ('b', 3.0), ('server', 100.0)):
            self.report(probe, watts)

    def report(
        self,
        probe: str,
        watts: float,
        elapsed: int = 1_000_000,
        secret: str = 'shared',
        name: str = 'honest',
        **fields: str,
    ) -> None:
        """Deliver a measurement of a constant power."""
        measured = measurement.Measurement(
            measurement.Series(
                measurement.Probe(
                    probe, 'node', probe, 'wattmeter', 'dummy', name
                )._replace(**fields),
                measurement.RegisterKey(
                    '11111111-1111-1111-1111-111111111111', '0123456789abcdef'
                ),
                None,
                True,
            ),
            int(time.time() * 1000),
            elapsed,
            int(watts * elapsed),
            elapsed,
            watts,
        )
        signed = envelope.sign(signing.Keyring([secret]), [measured])
        self.collector._consumer._handle([signed])

    def metric(self, name: str) -> dict[str, float]:
        """Return a metric of the API by probe."""
        text = self.api.get(
            '/metrics', extra_environ={'REQUEST_URI': '/metrics'}
        ).text
        return {
            probe: float(value)
            for metric, probe, value in _SAMPLE.findall(text)
            if metric == name
        }

    def total(self) -> float:
        """Return the power of the site, in watts."""
        included = self.metric('included')
        return sum(
            watts * included[probe]
            for probe, watts in self.metric('power_watts').items()
        )


def _host(site: Site) -> str:
    """Report that a host with an outlet draws nothing."""
    before = site.total()
    site.report(
        'tenant-1',
        0.0,
        secret='own',
        name='tenant',
        host='web-1',
    )
    return f'site: {site.total():.0f} W of {before:.0f} W'


def _sum(site: Site) -> str:
    """Report a probe with the name of the sum."""
    before = site.metric('power_watts')['sum']
    site.report('sum', 90_000.0)
    return f'sum: {site.metric("power_watts")["sum"]:.0f} W of {before:.0f} W'


def _energy(site: Site) -> str:
    """Report ten years of the power that the site allows."""
    name = 'energy_joules_total'
    before = site.metric(name)['server']
    watts = (measurement.INTEGER_LIMIT - 1) / _DECADE_MS
    site.report('server', watts, elapsed=_DECADE_MS)
    kwh = (site.metric(name)['server'] - before) / 3.6e6
    return f'server: {kwh:,.0f} kWh added'


#: The attacks. Each returns what the operator sees before and after it.
ATTACKS: dict[str, collections.abc.Callable[[Site], str]] = {
    'host-of-another': _host,
    'name-of-a-sum': _sum,
    'ten-years-of-energy': _energy,
}


def run(name: str) -> attack.Figures:
    """Run one attack of :data:`ATTACKS`."""
    with (
        tempfile.TemporaryDirectory() as directory,
        concurrent.futures.ProcessPoolExecutor(
            1, multiprocessing.get_context('spawn')
        ) as pool,
    ):
        return pool.submit(_measure, name, directory).result(MAX_SECONDS)


def _measure(name: str, directory: str) -> attack.Figures:
    """Run an attack, and measure this process."""
    site = Site(directory)
    memory, cpu = _peak(), time.process_time()
    started = time.monotonic()
    note = ATTACKS[name](site)
    figures = attack.Figures(
        _peak() - memory,
        time.process_time() - cpu,
        time.monotonic() - started,
        note,
    )
    site.collector.stop()
    return figures


def _peak() -> int:
    usage: typing.Any = resource.getrusage(resource.RUSAGE_SELF)
    return 1024 * int(usage.ru_maxrss)
