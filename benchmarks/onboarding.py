# SPDX-License-Identifier: Apache-2.0

"""A site from its CSV file to kWh in the API, with the commands of a user.

Simulates BMCs (ipmi_sim) on port 623 of the loopback network, which requires
root, and PDUs (snmpd), in about three gigabytes of memory. Prints each command
with its output and its time, and the claims; the exit code is 1 if a claim
fails. The last commands search the network instead of reading the inventory.
"""

import argparse
import collections.abc
import csv
import os
import pathlib
import shlex
import subprocess
import time
import typing

import fixtures
import requests

from energy_meter.tests.functional import simulation
from energy_meter.tests.functional.services import base
from energy_meter.tests.functional.services import commands
from energy_meter.tests.functional.services import ipmi_sim
from energy_meter.tests.functional.services import snmpd

EATON = '1.3.6.1.4.1.534.6.6.7.6.5.1'

#: Maximum number of commands of the user.
MAX_COMMANDS = 5

#: Maximum lines of a command's output that are shown, at each end.
MAX_LINES = 14


class Site(fixtures.Fixture):
    """Simulated devices, their CSV file, and the files with passwords.

    :ivar probes: number of probes.
    """

    def __init__(self, bmcs: int, pdus: int, outlets: int) -> None:
        super().__init__()
        self._bmcs, self._pdus, self._outlets = bmcs, pdus, outlets
        self.probes = bmcs + pdus * outlets
        self.api_port = base.free_port()

    def _setUp(self) -> None:
        self.directory = pathlib.Path(
            self.useFixture(fixtures.TempDir(base.TEMPORARY)).path
        )
        sections = self.directory / 'site.conf.d'
        sections.mkdir()
        for name, secret in (
            ('bmc.password', ipmi_sim.PASSWORD),
            ('pdu.community', snmpd.READ_COMMUNITY),
        ):
            (sections / name).write_text(f'{secret}\n')
        (self.directory / 'energy_meter.conf').write_text(
            '[agent]\nclock = synced\n[api]\nauth_strategy = noauth\n'
            f'port = {self.api_port}\n'
            f'[rrd]\nport = {base.free_port()}\n'
        )
        with (self.directory / 'site.csv').open('w', newline='') as stream:
            csv.writer(stream).writerows(
                [
                    ('name', 'driver', 'host', 'port', 'profile'),
                    *map(self._add_bmc, range(1, self._bmcs + 1)),
                    *map(self._add_pdu, range(1, self._pdus + 1)),
                ]
            )

    def _add_bmc(self, number: int) -> tuple[object, ...]:
        bmc = ipmi_sim.IPMISim(
            address=f'127.1.{number // 250}.{number % 250 + 1}'
        )
        bmc.port = 623
        self.useFixture(bmc)
        return f'node-{number:03}', 'ipmi', bmc.address, None, None

    def _add_pdu(self, number: int) -> tuple[object, ...]:
        # Power only: a simulated energy counter would not move.
        objects: dict[str, snmpd.Value] = {
            f'{EATON}.3.0.{outlet}': 100 + outlet
            for outlet in range(1, self._outlets + 1)
        }
        pdu = self.useFixture(
            snmpd.Snmpd(objects, address=f'127.2.0.{number}')
        )
        name = f'pdu-{number:02}'
        return name, 'snmp', pdu.address, pdu.port, 'eaton-g3'


class Shell:
    """Commands as a user enters them, with their output and times.

    :ivar entered: the commands.
    """

    def __init__(self, directory: pathlib.Path) -> None:
        self.entered: list[str] = []
        self._directory = directory

    def run(self, *arguments: str, **environment: str) -> str:
        """Run a command, print its output, and return it."""
        self._enter(arguments)
        began = time.monotonic()
        done = subprocess.run(  # noqa: S603
            [commands.script(arguments[0]), *arguments[1:]],
            cwd=self._directory,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        show(done.stdout)
        seconds = time.monotonic() - began
        print(f'({seconds:.1f} s, exit status {done.returncode})', flush=True)
        return done.stdout

    def start(self, *arguments: str) -> base.Process:
        """Return a process that the user starts."""
        self._enter((*arguments, '&'))
        return base.Process(
            [commands.script(arguments[0]), *arguments[1:]],
            cwd=self._directory,
        )

    def _enter(self, arguments: collections.abc.Iterable[str]) -> None:
        self.entered.append(' '.join(map(shlex.quote, arguments)))
        print(f'\n$ {self.entered[-1]}', flush=True)


def show(output: str) -> None:
    """Print the first and the last lines of an output."""
    lines = output.splitlines()
    if len(lines) > 2 * MAX_LINES:
        omitted = f'[{len(lines) - 2 * MAX_LINES} lines]'
        lines = [*lines[:MAX_LINES], omitted, *lines[-MAX_LINES:]]
    print('\n'.join(lines))


def main() -> int:
    """Run the benchmark and return the exit code."""
    arguments = parse()
    site = Site(arguments.bmcs, arguments.pdus, arguments.outlets)
    began = time.monotonic()
    with site:
        print(f'Devices started in {time.monotonic() - began:.0f} s')
        shell = Shell(site.directory)
        claims = [*onboard(site, shell), *repeat(site, shell)]
        if arguments.search:
            claims += search(site, shell, arguments.bmcs)
    return simulation.judge(claims)


def parse() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__.partition('\n')[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument('--bmcs', type=int, default=300)
    parser.add_argument('--pdus', type=int, default=20)
    parser.add_argument(
        '--outlets', type=int, default=24, help='outlets of each PDU'
    )
    parser.add_argument('--search', action='store_true')
    return parser.parse_args()


def import_site(*more: str) -> tuple[str, ...]:
    """Return the command that imports the CSV file."""
    return (
        'energy-meter-import',
        'csv',
        'site.csv',
        '--set',
        'ipmi.username=meter',
        '--set',
        'ipmi.password_file=bmc.password',
        '--set',
        'snmp.community_file=pdu.community',
        '--set',
        'interval=10',
        '--output',
        'site.conf.d/site.conf',
        *more,
    )


def onboard(
    site: Site, shell: Shell
) -> collections.abc.Iterator[simulation.Claim]:
    """Import the CSV file, meter the site, and read its energy."""
    configured = (
        '--config-file',
        'energy_meter.conf',
        '--config-dir',
        'site.conf.d',
    )
    began = time.monotonic()
    shell.run(*import_site('--dry-run'))
    shell.run(*import_site())
    shell.run('energy-meter-agent', *configured, '--check')
    with shell.start(
        'energy-meter-standalone', *configured, '--state-path', 'state'
    ) as service:
        url = f'http://127.0.0.1:{site.api_port}/v1/probes/'
        probes = base.wait_for(
            lambda: metered(service, url, site.probes),
            300,
            'all probes have energy',
        )
        seconds = time.monotonic() - began
        shell.entered.append(f'curl {url}')
        print(f'\n$ {shell.entered[-1]}\n{list(probes.items())[:2]} ...')
        kwh = sum(probe['kwh'] for probe in probes.values())
        watts = sum(probe['w'] for probe in probes.values())
        print(f'{len(probes)} probes, {watts:,.0f} W, {kwh:.3f} kWh')
    count = len(shell.entered)
    yield f'{count} commands, at most {MAX_COMMANDS}', count <= MAX_COMMANDS
    yield (
        f'all {len(probes)} probes had energy {seconds:.0f} s after the first '
        'command',
        len(probes) == site.probes,
    )


def metered(
    service: base.Process, url: str, count: int
) -> dict[str, typing.Any] | None:
    """Return the probes if all of them have energy, else None."""
    assert service.returncode is None, service.output()
    try:
        document = requests.get(url, timeout=30).json()
    except requests.RequestException:
        return None
    probes: dict[str, typing.Any] = document['probes']
    has_energy = all(probe['kwh'] > 0 for probe in probes.values())
    return probes if has_energy and len(probes) == count else None


def repeat(
    site: Site, shell: Shell
) -> collections.abc.Iterator[simulation.Claim]:
    """Import the file again, unchanged and with another address."""
    unchanged = shell.run(*import_site())
    source = site.directory / 'site.csv'
    source.write_text(source.read_text().replace('127.1.0.8,', '127.1.9.9,'))
    changed = shell.run(*import_site())
    yield 'an unchanged file changes nothing', 'stays as it is' in unchanged
    yield 'a changed line changes one section', ' 1 changed,' in changed


def search(
    site: Site, shell: Shell, count: int
) -> collections.abc.Iterator[simulation.Claim]:
    """Search the networks of the BMCs instead."""
    output = shell.run(
        'energy-meter-discover',
        '--ipmi',
        '127.1.0.0/24',
        '127.1.1.0/24',
        '--ipmi-user',
        ipmi_sim.USER,
        '--output',
        'found.conf',
        ENERGY_METER_IPMI_PASSWORD=ipmi_sim.PASSWORD,
    )
    yield (
        f'a search of 508 addresses finds all {count} BMCs',
        f'Power meters: {count}, ' in output,
    )


if __name__ == '__main__':
    raise SystemExit(main())
