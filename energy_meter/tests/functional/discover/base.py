# SPDX-License-Identifier: Apache-2.0

"""Test case that runs energy-meter-discover, and the agent on its output."""

import json
import pathlib
import shlex
import typing

import fixtures
from oslotest import base

from energy_meter.tests.functional.services import base as services
from energy_meter.tests.functional.services import commands
from energy_meter.tests.functional.services import umockdev

#: Runs a command line and returns its output.
Shell = typing.Callable[[str], str]


class Outcome(typing.NamedTuple):
    """Exit status and output of a command."""

    status: int
    output: str

    @property
    def findings(self) -> list[dict[str, typing.Any]]:
        return json.loads(self.output)

    @property
    def metered(self) -> dict[str, tuple[str, float | None]]:
        """Scope and watts of each probe."""
        return {
            probe['probe']: (probe['scope'], probe['w'])
            for finding in self.findings
            for probe in finding['probes']
        }

    @property
    def sections(self) -> list[str]:
        return [
            finding['section']
            for finding in self.findings
            if finding['section']
        ]

    def reason(self, device: str) -> str:
        """Return the reason why a device cannot be metered."""
        reasons = [
            ' '.join(finding['remarks'])
            for finding in self.findings
            if finding['device'].startswith(device) and not finding['section']
        ]
        assert len(reasons) == 1, (device, self.output)
        return reasons[0]


class DiscoverTestCase(base.BaseTestCase):
    shell: Shell

    def setUp(self):
        super().setUp()
        self.file = (
            pathlib.Path(self.useFixture(fixtures.TempDir()).path)
            / 'discovered.conf'
        )
        self.shell = lambda line: services.run(['sh', '-c', line])

    def on(self, *devices: str) -> umockdev.Machine:
        """Run all further commands on a simulated machine."""
        machine = self.useFixture(umockdev.Machine(*devices))
        self.shell = lambda line: machine.run('sh', '-c', line)
        return machine

    def run_command(self, *arguments: object, **environment: str) -> Outcome:
        command = shlex.join(map(str, arguments))
        variables = ' '.join(
            f'{name}={shlex.quote(value)}'
            for name, value in environment.items()
        )
        text = self.shell(
            f'{variables} {command} </dev/null 2>&1; '
            'status=$?; echo; echo $status'
        )
        output, status = text.rstrip().rsplit('\n', 1)
        return Outcome(int(status), output)

    def discover(self, *arguments: object, **environment: str) -> Outcome:
        return self.run_command(
            commands.script('energy-meter-discover'),
            '--json',
            *arguments,
            **environment,
        )

    def write(self, *arguments: object, **environment: str) -> None:
        """Write the configuration sections to a file for the agent."""
        outcome = self.run_command(
            commands.script('energy-meter-discover'),
            '--output',
            self.file,
            *arguments,
            **environment,
        )
        self.assertEqual(0, outcome.status, outcome.output)

    def read_once(self) -> dict[str, tuple[str, float | None]]:
        """Return scope and watts of each probe that the agent reads."""
        agent = commands.script('energy-meter-agent')
        check = self.run_command(agent, '--config-file', self.file, '--check')
        self.assertEqual(0, check.status, check.output)
        outcome = self.run_command(
            agent,
            '--config-file',
            self.file,
            '--log-file',
            '/dev/null',
            '--once',
            '--format',
            'json',
        )
        self.assertEqual(0, outcome.status, outcome.output)
        return {
            result['probe']: (result['scope'], result['w'])
            for result in json.loads(outcome.output)
        }
