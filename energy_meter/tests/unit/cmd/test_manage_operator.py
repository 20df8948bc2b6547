# SPDX-License-Identifier: Apache-2.0

"""Operators who use energy-meter-manage: confirmation and audit."""

import io
import random

import fixtures
import sqlalchemy as sa

from energy_meter.cmd import manage
from energy_meter.db import engine as db_engine
from energy_meter.db import schema
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
        start = now // DAY_MS * DAY_MS - 3 * DAY_MS
        agent = agents.Agent('p', 'A', 1_000_000)
        agent.start(random.Random(1), start)
        for hour in range(1, 25):
            date = start + hour * HOUR_MS
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
