# SPDX-License-Identifier: Apache-2.0

"""The agent's process: what it does when its files are not as they should."""

import signal

import fixtures
from oslotest import base as test_base

from energy_meter.tests.functional.services import base
from energy_meter.tests.functional.services import commands


class AgentTest(test_base.BaseTestCase):
    """One agent with one probe, on a bus within its own process."""

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
        """Wait until so many registers show more than now."""
        before = self.configuration.registers()
        base.wait_for(
            lambda: (
                expected
                == sum(
                    shown > before.get(key, 0)
                    for key, shown in self.configuration.registers().items()
                )
            ),
            30,
            f'{expected} registers grow',
        )


class StateTest(AgentTest):
    def assert_damaged(self, name: str, content: str) -> None:
        self.state.mkdir(exist_ok=True)
        file = self.state / name
        file.write_text(content)
        self.assertIn(
            f'{file}: damaged; move it away',
            self.configuration.refusal('energy-meter-agent'),
        )
        file.unlink()

    def test_damaged_identity_is_named(self):
        for content in (
            '',
            '{"uuid": "x"}',
            '[]',
            '"s"',
            '{"uuid": 1, "incarnation": 1, "machine": []}',
        ):
            self.assert_damaged('agent.json', content)

    def test_damaged_journal_is_named(self):
        for content in ('[[', '[1]', '[[1, 2]]', '"s"', '{"a": 1}'):
            self.assert_damaged('journal.json', content)

    def test_agent_meters_on_while_the_journal_can_not_be_written(self):
        agent = self.start()
        obstacle = self.state / 'journal.json.new'
        obstacle.mkdir()
        base.wait_for(
            lambda: 'can not be written' in agent.output(),
            10,
            'the agent complains',
        )
        obstacle.rmdir()
        base.wait_for(
            lambda: 'can be written again' in agent.output(),
            10,
            'the agent settles it',
        )
        self.wait_for_growth()


class ReloadTest(AgentTest):
    def reload(self, agent: commands.Command, expected: str) -> None:
        before = agent.output().count(expected)
        agent.signal(signal.SIGHUP)
        base.wait_for(
            lambda: agent.output().count(expected) > before, 10, expected
        )

    def test_file_that_is_no_text_changes_nothing(self):
        agent = self.start()
        good = self.configuration.path.read_bytes()
        self.configuration.path.write_bytes(good + b'# caf\xe9\n')
        self.reload(agent, 'The configuration stays as it was')
        self.configuration.path.write_bytes(good)
        self.configuration.add_dummy('new', 'new-1')
        self.reload(agent, 'Reading wattmeter new')
        self.wait_for_growth(2)

    def test_wattmeters_stay_when_no_incarnation_can_be_begun(self):
        agent = self.start()
        obstacle = self.state / 'agent.json.new'
        obstacle.mkdir()
        self.configuration.add_dummy('desk', 'desk-1', 'desk-2')
        self.reload(agent, 'The configuration stays as it was')
        self.wait_for_growth()
        obstacle.rmdir()
        self.reload(agent, 'Reading wattmeter desk')
        self.wait_for_growth(2)


class OptionsTest(AgentTest):
    def test_ill_typed_option_of_a_service_is_one_line(self):
        self.configuration.set('agent', max_gap='often')
        self.assertEqual(
            f'energy-meter-agent: {self.configuration.path}: [agent] '
            "max_gap: expected a number, but found 'often'",
            self.configuration.refusal('energy-meter-agent'),
        )

    def check(self) -> list[str]:
        """Give what --check complains of."""
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

    def test_name_that_no_message_can_hold_is_one_line(self):
        self.configuration.set('wattmeter:desk', metered_host='h' * 191)
        self.assertIn('[wattmeter:desk] metered_host: ', *self.check())

    def test_interval_that_never_ends_or_begins_is_one_line(self):
        for interval in ('nan', 'inf'):
            self.configuration.set('wattmeter:desk', interval=interval)
            self.assertIn(
                '[wattmeter:desk] interval: expected a finite number',
                *self.check(),
            )

    def test_fault_of_a_probe_is_one_line(self):
        self.configuration.set('probe:desk-1', hosts='x')
        self.assertIn('[probe:desk-1] hosts: unknown option', *self.check())
