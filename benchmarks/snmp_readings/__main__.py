# SPDX-License-Identifier: Apache-2.0

"""CPU time of reading PDUs with 48 outlets over SNMP.

Four simulated PDUs, each a real snmpd of net-snmp, are read in turn: power and
energy of all outlets, with SNMP versions 2c and 3 (SHA, AES). energy_meter's
driver returns readings, with the uptime that detects restarts, once with each
of its engines. The peers are snmpbulkwalk, a process for each reading; the
plugin snmp of collectd; prometheus-snmp-exporter, one scrape for each reading;
and gufo-snmp, a library that does not verify the digests of responses. CPU
time is user and system time of the reading program. That of the PDUs is not
counted. Before each comparison, each program reads 20 times. The values of its
last reading are compared with those of the PDU.
"""

import argparse
import collections.abc
import contextlib
import importlib.metadata
import statistics
import sys
import time
import typing

from benchmarks import comparison
from benchmarks.snmp_readings import commands
from benchmarks.snmp_readings import pdu
from benchmarks.snmp_readings import servers
from energy_meter.drivers import snmp
from energy_meter.tests import drivers
from energy_meter.tests.functional import simulation
from energy_meter.tests.functional.services import base
from energy_meter.tests.functional.services import snmpd

#: Number of readings per second and core to reach, by engine.
TARGETS = {'native': 2000, 'pysnmp': 100}

#: Options of the driver by SNMP version.
ACCESS: dict[str, dict[str, str]] = {
    '2c': {'community': snmpd.READ_COMMUNITY},
    '3': {
        'version': '3',
        'user': pdu.USER,
        'auth_password': snmpd.AUTH_PASSWORD,
        'priv_password': snmpd.PRIV_PASSWORD,
    },
}


class Program(typing.Protocol):
    """Program that reads PDUs."""

    def measure(self, readings: int) -> float:
        """Read PDUs in turn, and return the CPU time of a reading in ms."""


class Driver:
    """Driver of energy_meter, in this process."""

    def __init__(
        self, pdus: list[snmpd.Snmpd], version: str, engine: str
    ) -> None:
        self._drivers = [
            drivers.make(
                snmp.SNMP,
                *map(str, pdu.OUTLETS),
                host=device.address,
                port=device.port,
                profile='eaton-g3',
                engine=engine,
                **ACCESS[version],
            )
            for device in pdus
        ]

    def __enter__(self) -> typing.Self:
        for driver in self._drivers:
            driver.open()
        return self

    def __exit__(self, *error: object) -> None:
        for driver in self._drivers:
            driver.close()

    def measure(self, readings: int) -> float:
        """Read PDUs in turn.

        :returns: CPU time of a reading in ms.
        :raises AssertionError: if a value is wrong.
        """
        began = time.process_time()
        for number in range(readings):
            found = list(self._drivers[number % len(self._drivers)].read())
        cost = time.process_time() - began
        pdu.check(
            'energy_meter',
            [(each.probe, each.watts or 0) for each in found],
            [(each.probe, each.ticks or 0) for each in found],
        )
        return 1000 * cost / readings


def run(
    arguments: argparse.Namespace,
) -> collections.abc.Iterator[comparison.Comparison]:
    """Yield the comparison for each version of SNMP."""
    with contextlib.ExitStack() as stack:
        pdus = [stack.enter_context(pdu.start()) for _ in range(4)]
        for version in ACCESS:
            yield compare(pdus, version, arguments)


def compare(
    pdus: list[snmpd.Snmpd], version: str, arguments: argparse.Namespace
) -> comparison.Comparison:
    """Compare all programs, which take turns."""
    with contextlib.ExitStack() as stack:
        programs: dict[str, Program] = {
            **{
                _ours(engine): stack.enter_context(
                    Driver(pdus, version, engine)
                )
                for engine in TARGETS
            },
            _debian('snmp', 'snmpbulkwalk'): commands.Bulkwalk(pdus, version),
            _debian('collectd-core', 'collectd'): stack.enter_context(
                servers.Collectd(pdus, version)
            ),
            _debian('prometheus-snmp-exporter'): stack.enter_context(
                servers.Exporter(pdus, version)
            ),
            f'gufo-snmp {importlib.metadata.version("gufo-snmp")}': (
                commands.Gufo(pdus, version)
            ),
        }
        costs = measure(programs, arguments)
    ours, *peers = (
        comparison.figure(name, found) for name, found in costs.items()
    )
    return comparison.Comparison(
        f'PDU of 48 outlets, SNMP {version}',
        'ms of CPU per reading',
        ours,
        tuple(peers),
        tuple(claims(version, costs)),
    )


def claims(
    version: str, costs: collections.abc.Mapping[str, list[float]]
) -> collections.abc.Iterator[simulation.Claim]:
    """Yield what the comparison shows."""
    medians = {name: statistics.median(each) for name, each in costs.items()}
    for engine, target in TARGETS.items():
        speed = 1000 / medians[_ours(engine)]
        yield (
            f'SNMP {version}: {engine} reads at least {target:,} PDUs per '
            f'second and core ({speed:,.0f})',
            speed >= target,
        )
    yield (
        f'SNMP {version}: native takes less than all programs in C and Go',
        all(
            medians[_ours('native')] < median
            for name, median in medians.items()
            if not name.startswith(('energy_meter', 'gufo-snmp'))
        ),
    )


def measure(
    programs: collections.abc.Mapping[str, Program],
    arguments: argparse.Namespace,
) -> dict[str, list[float]]:
    """Return the CPU time of a reading in ms, in each round."""
    costs: dict[str, list[float]] = {name: [] for name in programs}
    for program in programs.values():
        program.measure(20)
    for number in range(arguments.rounds):
        simulation.report(f'round {number + 1} of {arguments.rounds}')
        for name, program in programs.items():
            costs[name].append(program.measure(arguments.readings))
    return costs


def _ours(engine: str) -> str:
    return f'energy_meter, {engine}'


def _debian(package: str, program: str | None = None) -> str:
    """Return the name of a program and the version of its package."""
    version = base.run(
        ['dpkg-query', '--show', '--showformat=${Version}', package]
    )
    return f'{program or package} {version}'


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        '--readings', type=int, default=100, help='in each round'
    )


if __name__ == '__main__':
    sys.exit(comparison.main(__doc__, run, _add_options))
