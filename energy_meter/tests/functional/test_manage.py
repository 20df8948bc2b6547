# SPDX-License-Identifier: Apache-2.0

"""Operator's view and manual changes with energy-meter-manage."""

import os
import pty
import subprocess

import fixtures
from oslotest import base as test_base
import sqlalchemy as sa

from energy_meter import measurement
from energy_meter.collector import settling
from energy_meter.collector import store
from energy_meter.db import engine as db_engine
from energy_meter.db import schema
from energy_meter.tests.functional.services import base
from energy_meter.tests.functional.services import commands

AGENT = '6a0d3aa8-7f4f-4a93-9f0c-3f3e4f6d7c11'
OTHER = '0b5ab7f2-03c8-4f0e-8f83-8a4a5a1f2d90'
HOUR_MS = 3_600_000
NOW = 1_700_000_000_000


class ManageTest(test_base.BaseTestCase):
    """A probe of 2 kWh: 1 kWh each of two consecutive registers."""

    def setUp(self) -> None:
        super().setUp()
        directory = self.useFixture(fixtures.TempDir(base.TEMPORARY)).path
        self.url = f'sqlite:///{directory}/db'
        self.configuration = commands.Configuration(
            directory, database={'connection': self.url}
        )
        self.manage('db', 'sync')
        self.measure('0' * 16, NOW)
        self.measure('1' * 16, NOW + 2 * HOUR_MS, after='0' * 16)

    def manage(self, *arguments: str) -> str:
        return self.configuration.run('energy-meter-manage', *arguments)

    def measure(
        self,
        register: str,
        date: int,
        agent: str = AGENT,
        after: str | None = None,
    ) -> None:
        """Write a measurement of a register of 1 kWh that is one hour old."""
        received = measurement.Measurement(
            measurement.Series(
                measurement.Probe('p', 'node', 'p', 'w', 'dummy', 'a'),
                measurement.RegisterKey(agent, register),
                after and measurement.Predecessor(after, HOUR_MS),
                True,
            ),
            date,
            HOUR_MS,
            3_600_000_000,
            HOUR_MS,
        )
        engine = sa.create_engine(self.url)
        self.addCleanup(engine.dispose)
        with db_engine.writing(engine) as connection:
            store.write(connection, [received], date)
        with db_engine.writing(engine) as connection:
            settling.settle(connection, ['p'], date)

    def test_void_subtracts_the_energy_and_is_audited(self):
        output = self.manage('register', 'void', 'p', AGENT, '1' * 16, '--yes')
        self.assertIn('Removed 1.000000 kWh from probe p', output)
        self.assertEqual({'p': 3_600_000_000}, commands.energy(self.url))
        self.assertIn(' void ', self.manage('register', 'show', 'p'))
        engine = sa.create_engine(self.url)
        self.addCleanup(engine.dispose)
        with engine.connect() as connection:
            self.assertIn(
                f'void register {"1" * 16}',
                connection.scalar(sa.select(schema.audit.c.action)),
            )

    def test_voiding_an_unbilled_register_keeps_the_energy(self):
        self.measure('2' * 16, NOW + 2 * HOUR_MS, OTHER)
        self.assertEqual({'p': 7_200_000_000}, commands.energy(self.url))
        output = self.manage('register', 'void', 'p', AGENT, '1' * 16, '--yes')
        self.assertIn('Removed 0.000000 kWh from probe p', output)
        self.assertEqual({'p': 7_200_000_000}, commands.energy(self.url))

    def test_energy_of_an_interval_is_shown(self):
        self.assertEqual(
            '1.000000 kWh\n',
            self.manage(
                *('probe', 'energy', 'p', '--end', '2023-11-14T23:00:00'),
            ),
        )
        self.assertEqual('2.000000 kWh\n', self.manage('probe', 'energy', 'p'))

    def test_delete_removes_the_probe(self):
        self.assertIn(
            'Deleted probe p with 2.000000 kWh',
            self.manage('probe', 'delete', 'p', '--yes'),
        )
        self.assertEqual({}, commands.energy(self.url))

    def test_agent_can_be_listed_disabled_and_enabled(self):
        self.assertRegex(
            self.manage('agent', 'list'),
            rf'a +\| {AGENT} \| 1 +\| 20\S+ \| - ',
        )
        output = self.manage('agent', 'disable', AGENT, '--yes')
        self.assertIn('Removed 2.000000 kWh from probe p', output)
        self.assertIn('change the secret', output)
        self.assertEqual({'p': 0}, commands.energy(self.url))
        self.assertRegex(
            self.manage('agent', 'list'),
            rf'a +\| {AGENT} \| 1 +\| 20\S+ \| 20',
        )
        self.assertIn('Enabled agent', self.manage('agent', 'enable', AGENT))

    def test_void_asks_on_a_terminal(self):
        # Given a terminal, and standard output that is not one,
        terminal, standard_input = pty.openpty()
        self.addCleanup(os.close, terminal)
        process = subprocess.Popen(
            [
                commands.script('energy-meter-manage'),
                *('--config-file', self.configuration.path),
                *('register', 'void', 'p', AGENT, '1' * 16),
            ],
            stdin=standard_input,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.addCleanup(process.kill)
        os.close(standard_input)

        # when the operator confirms,
        os.write(terminal, b'y\n')
        output, error = process.communicate(timeout=60)

        # then the question is not in the output.
        self.assertIn('with 1.000000 kWh', error)
        self.assertRegex(output, r'^Voided register')
        self.assertEqual({'p': 3_600_000_000}, commands.energy(self.url))

    def test_void_without_a_terminal_is_refused(self):
        error = self.assertRaises(
            AssertionError,
            self.manage,
            *('register', 'void', 'p', AGENT, '1' * 16),
        )

        self.assertIn('Add --yes to confirm', str(error))
        self.assertEqual({'p': 7_200_000_000}, commands.energy(self.url))

    def test_unknown_objects_are_an_error(self):
        for name, *arguments in (
            ('probe q', 'register', 'show', 'q'),
            ('probe q', 'probe', 'delete', 'q'),
            (f'agent {OTHER}', 'agent', 'disable', OTHER),
            ('probe q', 'register', 'void', 'q', AGENT, '1' * 16),
            (
                f'register {"f" * 16} of probe p',
                *('register', 'void', 'p', AGENT, 'f' * 16),
            ),
        ):
            error = self.assertRaises(AssertionError, self.manage, *arguments)
            self.assertRegex(str(error), f'energy-meter-manage: .*{name}')
