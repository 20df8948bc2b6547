# SPDX-License-Identifier: Apache-2.0

"""Operators who use energy-meter-manage: confirmation and audit."""

import io
import random

import fixtures
import sqlalchemy as sa

from energy_meter.cmd import manage
from energy_meter.db import engine as db_engine
from energy_meter.db import schema
from energy_meter.tests import series
from energy_meter.tests.unit.cmd import base
from energy_meter.tests.unit.collector import agents
from energy_meter.tests.unit.collector import closings
from energy_meter.tests.unit.collector import databases

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


class Terminal(io.StringIO):
    """A terminal on which the operator types a text, then Ctrl-D."""

    def isatty(self) -> bool:
        return True


class InterruptedTerminal(Terminal):
    """A terminal on which the operator types Ctrl-C."""

    def readline(self, size: int | None = -1) -> str:
        raise KeyboardInterrupt


class OperatorTest(base.CommandTest):
    """Probe p had 1 kW for a day, three days ago."""

    def setUp(self) -> None:
        super().setUp()
        self.log_in(1000, ann=1000, root=0)
        self.assertEqual(0, self.manage('db', 'sync').code)
        self.engine = sa.create_engine(self.url)
        self.addCleanup(self.engine.dispose)
        with self.engine.connect() as connection:
            now = db_engine.now(connection)
        self.start = now // DAY_MS * DAY_MS - 3 * DAY_MS
        agent = agents.Agent('p', 'A', 1_000_000)
        agent.start(random.Random(1), self.start)
        for hour in range(1, 25):
            date = self.start + hour * HOUR_MS
            databases.deliver(self.engine, agent.measure(date), date)
        with self.engine.connect() as connection:
            self.key = connection.execute(
                sa.select(schema.register.c.agent, schema.register.c.register)
            ).one()

    def manage(self, *arguments: str) -> base.Result:
        return self.run_command(manage.main, *arguments)

    def commands(self) -> list[tuple[str, ...]]:
        """Return the commands that ask; each is possible after the others."""
        return [
            ('day', 'close', 'p'),
            ('register', 'void', 'p', *self.key),
            ('agent', 'disable', self.key.agent),
            ('probe', 'delete', 'p'),
        ]

    def standard_input(self, stream: io.StringIO | None) -> None:
        self.useFixture(fixtures.MonkeyPatch('sys.stdin', stream))

    def audit(self) -> list[str]:
        with self.engine.connect() as connection:
            return list(
                connection.scalars(
                    sa.select(schema.audit.c.username).order_by(
                        schema.audit.c.id
                    )
                )
            )

    def assert_unchanged(self) -> None:
        self.assertEqual([], self.audit())
        self.assertEqual([], closings.versions(self.engine))


class ConfirmationTest(OperatorTest):
    def test_nothing_changes_without_a_terminal(self):
        for stream in (None, io.StringIO('y\n')):
            for command in self.commands():
                self.standard_input(stream)

                result = self.manage(*command)

                self.assertEqual((1, ''), (result.code, result.output))
                self.assertIn('nothing was changed. Add --yes', result.error)
        self.assert_unchanged()

    def test_nothing_changes_after_another_answer(self):
        for answer in ('', '\n', 'n\n', 'yellow\n'):
            for command in self.commands():
                self.standard_input(Terminal(answer))

                result = self.manage(*command)

                self.assertEqual((1, ''), (result.code, result.output))
                self.assertIn('not confirmed; nothing was', result.error)
        self.assert_unchanged()

    def test_nothing_changes_after_an_interrupt(self):
        for command in self.commands():
            self.standard_input(InterruptedTerminal())

            result = self.manage(*command)

            self.assertEqual(1, result.code)
            self.assertIn('not confirmed; nothing was', result.error)
        self.assert_unchanged()

    def test_confirmed_commands_succeed(self):
        for command, answer in zip(
            self.commands(), ('y\n', 'Y\n', 'yes\n', ' y \n'), strict=True
        ):
            self.standard_input(Terminal(answer))

            self.assertEqual(0, self.manage(*command).code)
        self.assertEqual(4, len(self.audit()))

    def test_scripts_confirm_with_an_option(self):
        for command in self.commands():
            self.standard_input(None)

            result = self.manage(*command, '--yes')

            self.assertEqual((0, ''), (result.code, result.error))
        self.assertEqual(4, len(self.audit()))

    def test_questions_name_what_is_lost(self):
        for command, expected in zip(
            self.commands(),
            (
                ('probe p',),
                (self.key.register, 'probe p', '24.000000 kWh'),
                (self.key.agent, '1 probes'),
                ('probe p', '24.000000 kWh'),
            ),
            strict=True,
        ):
            self.standard_input(Terminal('n\n'))

            question, _, _ = self.manage(*command).error.partition('[y/N]')

            for text in expected:
                self.assertIn(text, question)

    def test_unknown_objects_are_reported_before_the_question(self):
        for command in (
            ('register', 'void', 'q', *self.key),
            ('register', 'void', 'p', self.key.agent, 'f' * 16),
            ('agent', 'disable', 'unknown'),
            ('probe', 'delete', 'q'),
        ):
            self.standard_input(Terminal('y\n'))

            result = self.manage(*command)

            self.assertEqual(1, result.code)
            self.assertNotIn('[y/N]', result.error)


class DryRunTest(OperatorTest):
    def test_dry_run_changes_nothing_and_needs_no_terminal(self):
        self.standard_input(None)

        for command in self.commands():
            result = self.manage(*command, '--dry-run')

            self.assertEqual((0, ''), (result.code, result.error))
            self.assertIn('nothing was changed', result.output)
        self.assert_unchanged()

    def test_dry_run_shows_the_result_of_the_change(self):
        for command in self.commands():
            planned = self.manage(*command, '--dry-run').output

            output = self.manage(*command, '--yes').output

            self.assertEqual(output, planned.partition('\n')[2])

    def test_dry_run_of_closing_includes_all_days(self):
        # Given more days than are closed at once,
        agent = agents.Agent('q', 'B', 1_000_000)
        agent.start(random.Random(2), self.start - 20 * DAY_MS)
        for day in range(1, 23):
            date = self.start + (day - 20) * DAY_MS
            databases.deliver(self.engine, agent.measure(date), date)

        result = self.manage('day', 'close', 'q', '--dry-run')

        self.assertIn('Closed 23 days of probe q with 528.', result.output)
        self.assert_unchanged()


class ArchiveTest(OperatorTest):
    """An archive without files."""

    def setUp(self) -> None:
        super().setUp()
        self.write(f'[rrd]\ndirectory = {self.directory}\n')

    def test_migration_asks(self):
        self.standard_input(Terminal('n\n'))

        result = self.manage('rrd', 'migrate')

        self.assertEqual((1, ''), (result.code, result.output))
        self.assertIn('Convert 0 RRD files?', result.error)

    def test_migration_has_a_dry_run(self):
        self.standard_input(None)

        result = self.manage('rrd', 'migrate', '--dry-run')

        self.assertEqual(0, result.code)
        self.assertIn('nothing was changed', result.output)


class NameTest(OperatorTest):
    """The agent A meters probe p; another of this name meters probe q."""

    def add_namesake(self) -> None:
        agent = agents.Agent('q', 'A', 1_000_000)
        agent.start(random.Random(2), self.start)
        point = agent.point(self.start + HOUR_MS, is_mark=False)
        point = series.change(
            point, register=point.register._replace(agent='another')
        )
        databases.deliver(self.engine, [point], self.start + HOUR_MS)

    def test_agents_can_be_named(self):
        for action in ('disable', '--yes'), ('enable',):
            result = self.manage('agent', action[0], 'A', *action[1:])

            self.assertEqual((0, ''), (result.code, result.error))
            self.assertIn(f'agent {self.key.agent}, name A', result.output)

    def test_names_of_several_agents_are_refused(self):
        self.add_namesake()

        result = self.manage('agent', 'disable', 'A', '--yes')

        self.assertEqual((1, ''), (result.code, result.output))
        for uuid in self.key.agent, 'another':
            self.assertIn(f'{uuid}, enabled', result.error)
        self.assert_unchanged()

    def test_uuid_takes_precedence_over_the_name_of_another_agent(self):
        # Given an agent that has the UUID of another as its name,
        with self.engine.begin() as connection:
            connection.execute(
                schema.register.update().values(agent_name='another')
            )
        self.add_namesake()

        result = self.manage('agent', 'disable', 'another', '--yes')

        self.assertIn('Disabled agent another, name A', result.output)

    def test_registers_can_be_named_by_their_first_digits(self):
        result = self.manage(
            *('register', 'void', 'p', 'A', self.key.register[:4], '--yes')
        )

        self.assertIn(f'Voided register {self.key.register}', result.output)

    def test_first_digits_of_several_registers_are_refused(self):
        agent = agents.Agent('p', 'B', 1_000_000)
        agent.start(random.Random(3), self.start)
        agent.register = self.key.register[:8] + 8 * '0'
        date = self.start + HOUR_MS
        databases.deliver(self.engine, agent.measure(date), date)
        with self.engine.begin() as connection:
            connection.execute(schema.register.update().values(agent_name='A'))

        result = self.manage(
            *('register', 'void', 'p', 'A', self.key.register[:8], '--yes')
        )

        self.assertEqual((1, ''), (result.code, result.output))
        for register in self.key.register, agent.register:
            self.assertIn(register, result.error)
        self.assertEqual([], self.audit())

    def test_too_few_digits_name_no_register(self):
        for digits in '', self.key.register[:3]:
            result = self.manage('register', 'void', 'p', 'A', digits, '--yes')

            self.assertIn('not found', result.error)
        self.assert_unchanged()


class AuditTest(OperatorTest):
    def recorded(self) -> str:
        """Delete the probe and return the operator in the audit trail."""
        self.assertEqual(0, self.manage('probe', 'delete', 'p', '--yes').code)
        (username,) = self.audit()
        return username

    def test_variables_do_not_choose_the_name(self):
        for variable in ('LOGNAME', 'USER', 'LNAME', 'USERNAME', 'SUDO_USER'):
            self.useFixture(fixtures.EnvironmentVariable(variable, 'bob'))

        self.assertEqual('ann (1000)', self.recorded())

    def test_user_of_sudo_is_recorded(self):
        self.log_in(0, ann=1000, root=0)
        self.useFixture(fixtures.EnvironmentVariable('SUDO_UID', '1000'))

        self.assertEqual('root (0), sudo by ann (1000)', self.recorded())

    def test_forged_sudo_does_not_hide_the_user(self):
        self.useFixture(fixtures.EnvironmentVariable('SUDO_UID', '0'))

        self.assertEqual('ann (1000), sudo by root (0)', self.recorded())

    def test_invalid_uid_of_sudo_is_ignored(self):
        for value in ('', '-1', 'bob', '1' * 11, '\u0661', '0 (x)\n'):
            self.useFixture(fixtures.EnvironmentVariable('SUDO_UID', value))

            self.assertEqual('ann (1000)', manage.base.operator())

    def test_uid_without_a_user_is_recorded(self):
        self.log_in(4_294_967_294)

        self.assertEqual('- (4294967294)', self.recorded())

    def test_long_names_fit_into_the_audit_trail(self):
        self.log_in(2**32 - 2, **{'a' * 256: 2**32 - 2, 'b' * 256: 2**32 - 3})
        self.useFixture(
            fixtures.EnvironmentVariable('SUDO_UID', str(2**32 - 3))
        )

        recorded = self.recorded()

        self.assertLessEqual(
            len(recorded), schema.audit.c.username.type.length
        )
        self.assertIn('(4294967293)', recorded)
