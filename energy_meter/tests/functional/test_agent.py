# SPDX-License-Identifier: Apache-2.0

"""The agent process with corrupt or unwritable files and invalid options."""

import os
import pathlib
import re
import signal

import fixtures
from oslotest import base as test_base

from energy_meter.tests.functional.services import base
from energy_meter.tests.functional.services import commands


class AgentTest(test_base.BaseTestCase):
    """An agent with one probe, and a bus within its process."""

    def setUp(self) -> None:
        super().setUp()
        self.configuration = commands.Configuration(
            self.useFixture(fixtures.TempDir(base.TEMPORARY)).path,
            DEFAULT={'transport_url': 'fake://'},
        )
        self.configuration.add_dummy('desk', 'desk-1')
        self.state = self.configuration.directory / 'state'

    def start(self) -> commands.Command:
        agent = self.useFixture(commands.agent(self.configuration))
        self.wait_for_growth()
        return agent

    def wait_for_growth(self, expected: int = 1) -> None:
        """Wait until the energy of so many registers has increased."""
        before = self.configuration.registers()
        base.wait_for(
            lambda: (
                expected
                == sum(
                    millijoules > before.get(key, 0)
                    for key, millijoules in (
                        self.configuration.registers().items()
                    )
                )
            ),
            30,
            f'{expected} registers grow',
        )


class StateTest(AgentTest):
    def assert_corrupt(self, name: str, content: str) -> None:
        self.state.mkdir(exist_ok=True)
        file = self.state / name
        file.write_text(content)
        self.assertIn(
            f'{file}: corrupt; move it away',
            self.configuration.refusal('energy-meter-agent'),
        )
        file.unlink()

    def test_corrupt_identity_is_named_in_the_error(self):
        for content in (
            '',
            '{"uuid": "x"}',
            '[]',
            '"s"',
            '{"uuid": 1, "machine": []}',
        ):
            self.assert_corrupt('agent.json', content)

    def test_corrupt_checkpoint_is_set_aside(self):
        self.state.mkdir()
        (self.state / 'checkpoint.json').write_text('[[')

        agent = self.start()

        self.assertIn('is renamed to checkpoint.json.corrupt', agent.output())

    def test_agent_continues_while_checkpoint_cannot_be_saved(self):
        agent = self.start()
        obstacle = self.state / 'checkpoint.json.new'
        obstacle.mkdir()
        base.wait_for(
            lambda: 'Cannot save the checkpoint' in agent.output(),
            10,
            'the agent logs a warning',
        )
        obstacle.rmdir()
        base.wait_for(
            lambda: 'Checkpoint saved again' in agent.output(),
            10,
            'the agent logs the recovery',
        )
        self.wait_for_growth()


class ReloadTest(AgentTest):
    def reload(self, agent: commands.Command, expected: str) -> None:
        before = agent.output().count(expected)
        agent.signal(signal.SIGHUP)
        base.wait_for(
            lambda: agent.output().count(expected) > before, 10, expected
        )

    def test_reload_of_binary_file_keeps_the_configuration(self):
        agent = self.start()
        good = self.configuration.path.read_bytes()
        self.configuration.path.write_bytes(good + b'# caf\xe9\n')
        self.reload(agent, 'Reload failed, keeping the current configuration')
        self.configuration.path.write_bytes(good)
        self.configuration.add_dummy('new', 'new-1')
        self.reload(agent, 'Reading wattmeter new')
        self.wait_for_growth(2)

    def test_mistake_in_a_section_keeps_its_wattmeter(self):
        agent = self.start()
        before = self.configuration.registers().keys()
        self.configuration.add_dummy('desk', 'desk-1', scope='nowhere')
        self.configuration.add_dummy('new', 'new-1')

        self.reload(agent, 'Wattmeters read as before: desk')

        self.wait_for_growth(2)
        self.assertIn(
            f'{self.configuration.path}: [wattmeter:desk] scope: ',
            agent.output(),
        )
        self.assertLess(before, self.configuration.registers().keys())


class MarksTest(AgentTest):
    """Marks on the disk of an agent that is killed or short of space."""

    def marks(self) -> pathlib.Path:
        return self.state / 'marks'

    def test_killed_agent_continues_after_a_damaged_file(self):
        agent = self.start()
        base.wait_for(
            lambda: list(self.marks().iterdir()), 10, 'the opening is marked'
        )
        agent.kill()
        (file,) = self.marks().iterdir()
        file.write_bytes(file.read_bytes()[:-5])

        agent.start()

        self.wait_for_growth()
        base.wait_for(
            lambda: f'{file} is damaged' in agent.output(),
            10,
            'the agent logs the damage',
        )
        self.assertEqual(1, agent.output().count('is damaged'))

    def test_agent_continues_while_marks_cannot_be_written(self):
        # Given a full disk,
        if os.geteuid() != 0:
            self.skipTest('only root can mount a small tmpfs')
        self.state.mkdir()
        self.marks().mkdir()
        base.run(
            ['mount', '-t', 'tmpfs', '-o', 'size=4k', 'tmpfs', self.marks()]
        )
        self.addCleanup(base.run, ['umount', self.marks()])
        (self.marks() / 'full').write_bytes(bytes(4096))

        # when the agent starts,
        agent = self.start()

        # then it reports this, and stops as usual.
        base.wait_for(
            lambda: 'Cannot write marks' in agent.output(),
            10,
            'the agent logs the full disk',
        )
        agent.stop()


class OptionsTest(AgentTest):
    def test_error_of_service_option_is_a_single_line(self):
        self.configuration.set('agent', max_gap='often')
        self.assertEqual(
            f'energy-meter-agent: {self.configuration.path}: [agent] '
            "max_gap: expected a number, but found 'often'",
            # Without the number of the line.
            re.sub(
                r':\d+: ',
                ': ',
                self.configuration.refusal('energy-meter-agent'),
            ),
        )

    def check(self) -> list[str]:
        """Return the errors that --check prints."""
        error = self.assertRaises(
            AssertionError,
            self.configuration.run,
            'energy-meter-agent',
            '--check',
        )
        return [
            line
            for line in str(error).splitlines()
            if line.startswith(str(self.configuration.path))
        ]

    def test_error_of_too_long_name_is_a_single_line(self):
        self.configuration.set('wattmeter:desk', metered_host='h' * 191)
        self.assertIn('[wattmeter:desk] metered_host: ', *self.check())

    def test_error_of_infinite_interval_is_a_single_line(self):
        for interval in ('nan', 'inf'):
            self.configuration.set('wattmeter:desk', interval=interval)
            self.assertIn(
                '[wattmeter:desk] interval: expected a finite number',
                *self.check(),
            )

    def test_error_of_probe_option_is_a_single_line(self):
        self.configuration.set('probe:desk-1', hosts='x')
        self.assertIn('[probe:desk-1] hosts: unknown option', *self.check())
