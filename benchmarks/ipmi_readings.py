# SPDX-License-Identifier: Apache-2.0

"""CPU time and latency of reading the power of BMCs over IPMI.

Fifty simulated BMCs, each a real ipmi_sim of OpenIPMI, are read in turn: the
power that DCMI reports, over RMCP+ with cipher suite 3. energy_meter's driver
keeps a session with each BMC. The peers open one for each reading: ipmitool,
and prometheus-ipmi-exporter, which runs ipmi-dcmi of FreeIPMI. CPU time is
user and system time of the reading program and of the processes that it runs.
That of the BMCs is not counted. Before the measurements, each program reads
all BMCs once. Each BMC has another value, and all readings are verified.
"""

import argparse
import collections.abc
import contextlib
import pathlib
import re
import resource
import statistics
import sys
import time
import typing

import psutil
import requests
import yaml

from benchmarks import comparison
from energy_meter.drivers.ipmi import driver as ipmi
from energy_meter.tests import drivers
from energy_meter.tests.functional import simulation
from energy_meter.tests.functional.services import base
from energy_meter.tests.functional.services import ipmi_sim

#: Least ratio of the CPU time of each peer to ours.
TARGETS = {'ipmitool': 50, 'prometheus-ipmi-exporter': 10}

#: Readings of our driver for each one of the peers: it is fast.
_FACTOR = 10


class BMC(ipmi_sim.IPMISim):
    """BMC that reports a power; all of them share one compiled module."""

    module: typing.ClassVar[pathlib.Path | None] = None

    def __init__(self, watts: int) -> None:
        self.watts = watts
        super().__init__(commands=True)

    def _setUp(self) -> None:
        super()._setUp()
        self.add_dcmi_response(self.watts)

    def _module(self) -> pathlib.Path:
        if BMC.module is None:
            BMC.module = super()._module()
        return BMC.module


class Program(typing.Protocol):
    """Program that reads BMCs."""

    def read(self, bmc: BMC) -> float:
        """Return the power of a BMC in W."""

    def cpu(self) -> float:
        """Return the CPU time so far, in seconds."""


class Driver:
    """Driver of energy_meter, in this process."""

    def __init__(self, bmcs: list[BMC]) -> None:
        self._drivers = {
            bmc: drivers.make(
                ipmi.IPMI,
                'probe',
                host=bmc.address,
                port=bmc.port,
                username=ipmi_sim.USER,
                password=bmc.password,
                source='dcmi',
            )
            for bmc in bmcs
        }

    def __enter__(self) -> typing.Self:
        for driver in self._drivers.values():
            driver.open()
        return self

    def __exit__(self, *error: object) -> None:
        for driver in self._drivers.values():
            driver.close()

    def read(self, bmc: BMC) -> float:
        """Return the power of a BMC in W."""
        (reading,) = self._drivers[bmc].read()
        return reading.watts or 0.0

    def cpu(self) -> float:
        """Return the CPU time of this process in seconds."""
        return time.process_time()


class Ipmitool:
    """Command ipmitool, one process for each reading."""

    def read(self, bmc: BMC) -> float:
        """Return the power of a BMC in W."""
        output = base.run(
            [
                *('ipmitool', '-I', 'lanplus', '-C', '3'),
                *('-H', bmc.address, '-p', str(bmc.port)),
                *('-U', ipmi_sim.USER, '-P', bmc.password),
                *('dcmi', 'power', 'reading'),
            ]
        )
        return _find(r'Instantaneous power reading: +(\d+) Watts', output)

    def cpu(self) -> float:
        """Return the CPU time of all processes that have ended."""
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime


class Exporter(base.Process):
    """Program prometheus-ipmi-exporter; a scrape reads one BMC."""

    def __init__(self) -> None:
        port = base.free_port()
        self._url = f'http://127.0.0.1:{port}/ipmi'
        self._client = requests.Session()
        super().__init__(
            [
                'prometheus-ipmi-exporter',
                '--config.file=ipmi.yml',
                f'--web.listen-address=127.0.0.1:{port}',
            ],
            ready=lambda: base.listening(port),
        )

    def prepare(self) -> None:
        """Write its configuration."""
        module = {
            'user': ipmi_sim.USER,
            'pass': ipmi_sim.PASSWORD,
            'privilege': 'admin',
            'driver': 'LAN_2_0',
            'collectors': ['dcmi'],
            # ipmi_sim rejects the privilege level that FreeIPMI requests.
            'workaround_flags': ['opensesspriv'],
        }
        (self.directory / 'ipmi.yml').write_text(
            yaml.safe_dump({'modules': {'default': module}})
        )

    def read(self, bmc: BMC) -> float:
        """Return the power of a BMC in W."""
        response = self._client.get(
            self._url,
            params={'target': f'{bmc.address}:{bmc.port}'},
            timeout=60,
        )
        response.raise_for_status()
        return _find(
            r'(?m)^ipmi_dcmi_power_consumption_watts (\S+)$', response.text
        )

    def cpu(self) -> float:
        """Return the CPU time of the exporter and of ended processes."""
        return sum(psutil.Process(self.pid).cpu_times()[:4])


class Costs(typing.NamedTuple):
    """CPU time and latency of a reading in ms, in each round."""

    cpu: list[float]
    latency: list[float]


def run(
    arguments: argparse.Namespace,
) -> collections.abc.Iterator[comparison.Comparison]:
    """Yield the comparison of CPU time, and that of latency."""
    with contextlib.ExitStack() as stack:
        bmcs = [
            stack.enter_context(BMC(200 + number))
            for number in range(arguments.bmcs)
        ]
        simulation.report(f'{len(bmcs)} BMCs')
        programs: dict[str, Program] = {
            'energy_meter': stack.enter_context(Driver(bmcs)),
            'ipmitool': Ipmitool(),
            'prometheus-ipmi-exporter': stack.enter_context(Exporter()),
        }
        costs = {name: Costs([], []) for name in programs}
        for program in programs.values():
            measure(program, bmcs, 1)
        for number in range(arguments.rounds):
            simulation.report(f'round {number + 1} of {arguments.rounds}')
            for name, program in programs.items():
                times = _FACTOR if isinstance(program, Driver) else 1
                cpu, latency = measure(program, bmcs, times)
                costs[name].cpu.append(cpu)
                costs[name].latency.append(latency)
    yield compare(
        f'reading of {len(bmcs)} BMCs in turn, IPMI',
        'ms of CPU per reading',
        {name: each.cpu for name, each in costs.items()},
        tuple(claims(costs)),
    )
    yield compare(
        f'latency of a reading of {len(bmcs)} BMCs in turn, IPMI',
        'ms',
        {name: each.latency for name, each in costs.items()},
        (),
    )


def measure(
    program: Program, bmcs: list[BMC], times: int
) -> tuple[float, float]:
    """Read all BMCs, and return CPU time and latency of a reading in ms.

    :param times: number of readings of each BMC.
    :raises AssertionError: if a value is wrong.
    """
    latencies = []
    before = program.cpu()
    for _ in range(times):
        for bmc in bmcs:
            began = time.perf_counter()
            watts = program.read(bmc)
            latencies.append(time.perf_counter() - began)
            assert watts == bmc.watts, f'{watts} W instead of {bmc.watts}'
    cost = program.cpu() - before
    return 1000 * cost / len(latencies), 1000 * statistics.median(latencies)


def compare(
    question: str,
    unit: str,
    values: collections.abc.Mapping[str, list[float]],
    found: tuple[simulation.Claim, ...],
) -> comparison.Comparison:
    """Return a comparison of all programs."""
    ours, *peers = (
        comparison.figure(_title(name), each) for name, each in values.items()
    )
    return comparison.Comparison(question, unit, ours, tuple(peers), found)


def claims(
    costs: collections.abc.Mapping[str, Costs],
) -> collections.abc.Iterator[simulation.Claim]:
    """Yield what the CPU times show."""
    ours = statistics.median(costs['energy_meter'].cpu)
    for name, target in TARGETS.items():
        ratio = statistics.median(costs[name].cpu) / ours
        yield (
            f'at least {target} times less CPU time than {name} '
            f'({ratio:.0f} times)',
            ratio >= target,
        )


def _title(name: str) -> str:
    """Return a program's name, with the version of its Debian package."""
    if name not in TARGETS:
        return name
    version = base.run(['dpkg-query', '--show', '-f', '${Version}', name])
    return f'{name} {version}'


def _find(pattern: str, text: str) -> float:
    match = re.search(pattern, text)
    assert match is not None, text
    return float(match[1])


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('--bmcs', type=int, default=50)


if __name__ == '__main__':
    sys.exit(comparison.main(__doc__, run, _add_options))
