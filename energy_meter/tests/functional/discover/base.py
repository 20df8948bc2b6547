# SPDX-License-Identifier: Apache-2.0

"""Runs energy-meter-discover, and the agent on what it wrote."""

import json
import pathlib
import shlex
import typing

import fixtures
from oslotest import base

from energy_meter.tests.functional.services import base as services
from energy_meter.tests.functional.services import commands
from energy_meter.tests.functional.services import umockdev

#: Gives a command with its arguments; runs it and returns what it prints.
Shell = typing.Callable[[str], str]


class Outcome(typing.NamedTuple):
    """What came of a run."""

    status: int
    printed: str

    @property
    def findings(self) -> list[dict[str, typing.Any]]:
        return json.loads(self.printed)

    @property
    def metered(self) -> dict[str, tuple[str, float | None]]:
        """Scope and watts of each probe."""
        return {
            probe['probe']: (probe['scope'], probe['w'])
            for found in self.findings
            for probe in found['probes']
        }

    @property
    def sections(self) -> list[str]:
        return [
            found['section'] for found in self.findings if found['section']
        ]

    def why(self, what: str) -> str:
        """Tell why something that was found can't be metered."""
        reasons = [
            ' '.join(found['remarks'])
            for found in self.findings
            if found['found'].startswith(what) and not found['section']
        ]
        assert len(reasons) == 1, (what, self.printed)
        return reasons[0]


class DiscoverTest(base.BaseTestCase):
    shell: Shell

    def setUp(self):
        super().setUp()
        self.file = (
            pathlib.Path(self.useFixture(fixtures.TempDir()).path)
            / 'found.conf'
        )
        self.shell = lambda line: services.run(['sh', '-c', line])

    def on(self, *devices: str) -> umockdev.Machine:
        """Run everything on a made-up machine from now on."""
        machine = self.useFixture(umockdev.Machine(*devices))
        self.shell = lambda line: machine.run('sh', '-c', line)
        return machine

    def run_command(self, *words: object, **environment: str) -> Outcome:
        command = shlex.join(map(str, words))
        variables = ' '.join(
            f'{name}={shlex.quote(value)}'
            for name, value in environment.items()
        )
        text = self.shell(
            f'{variables} {command} </dev/null 2>&1; '
            'status=$?; echo; echo $status'
        )
        printed, status = text.rstrip().rsplit('\n', 1)
        return Outcome(int(status), printed)

    def discover(self, *words: object, **environment: str) -> Outcome:
        return self.run_command(
            commands.script('energy-meter-discover'),
            '--json',
            *words,
            **environment,
        )

    def write(self, *words: object, **environment: str) -> None:
        """Let it write a file for the agent."""
        outcome = self.run_command(
            commands.script('energy-meter-discover'),
            '--output',
            self.file,
            *words,
            **environment,
        )
        self.assertEqual(0, outcome.status, outcome.printed)

    def once(self) -> dict[str, tuple[str, float | None]]:
        """Let the agent read what the file names."""
        agent = commands.script('energy-meter-agent')
        checked = self.run_command(
            agent, '--config-file', self.file, '--check'
        )
        self.assertEqual(0, checked.status, checked.printed)
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
        self.assertEqual(0, outcome.status, outcome.printed)
        return {
            result['probe']: (result['scope'], result['w'])
            for result in json.loads(outcome.printed)
        }
