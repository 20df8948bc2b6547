# SPDX-License-Identifier: Apache-2.0

"""What an operator looks at and changes with energy-meter-manage."""

import fixtures
from oslotest import base as test_base
import sqlalchemy as sa

from energy_meter import measurement
from energy_meter.collector import store
from energy_meter.db import schema
from energy_meter.tests.functional.services import base
from energy_meter.tests.functional.services import commands

AGENT = '6a0d3aa8-7f4f-4a93-9f0c-3f3e4f6d7c11'
OTHER = '0b5ab7f2-03c8-4f0e-8f83-8a4a5a1f2d90'
NOW = 1_700_000_000.0


class ManageTest(test_base.BaseTestCase):
    """A probe of 2 kWh: one of a former register, one of its owner."""

    def setUp(self) -> None:
        super().setUp()
        directory = self.useFixture(fixtures.TempDir(base.TEMPORARY)).path
        self.url = f'sqlite:///{directory}/db'
        self.configuration = commands.Configuration(
            directory, database={'connection': self.url}
        )
        self.manage('db', 'sync')
        self.hear('0' * 16, 1, NOW, 3_600_000_000)
        self.hear('1' * 16, 2, NOW + 7200, 3_600_000_000)

    def manage(self, *words: str) -> str:
        return self.configuration.run('energy-meter-manage', *words)

    def hear(
        self,
        register: str,
        incarnation: int,
        now: float,
        millijoules: int,
        agent: str = AGENT,
    ) -> None:
        """Let the collector hear a register of an hour."""
        word = measurement.Measurement(
            measurement.Probe('p', 'node', 'p', 'w', 'dummy', 'a'),
            measurement.RegisterKey(agent, register, incarnation),
            now,
            3600.0,
            millijoules,
            3600.0,
        )
        engine = sa.create_engine(self.url)
        self.addCleanup(engine.dispose)
        with engine.begin() as connection:
            store.write(connection, [word], now, 60)

    def test_void_takes_the_energy_of_a_register_off_and_is_audited(self):
        printed = self.manage('register', 'void', 'p', AGENT, '1' * 16)
        self.assertIn('fell by 1.000000 kWh', printed)
        self.assertEqual({'p': 3_600_000_000}, commands.energy(self.url))
        self.assertIn('voided', self.manage('register', 'show', 'p'))
        engine = sa.create_engine(self.url)
        self.addCleanup(engine.dispose)
        with engine.connect() as connection:
            self.assertIn(
                f'void register {"1" * 16}',
                connection.scalar(sa.select(schema.audit.c.what)),
            )

    def test_void_of_what_was_never_billed_leaves_the_coverage(self):
        self.hear('2' * 16, 1, NOW + 7200, 3_600_000_000, OTHER)
        self.manage('register', 'void', 'p', OTHER, '2' * 16)
        engine = sa.create_engine(self.url)
        self.addCleanup(engine.dispose)
        with engine.connect() as connection:
            self.assertEqual(
                7200.0, connection.scalar(sa.select(schema.probe.c.elapsed))
            )

    def test_forget_takes_the_probe_off(self):
        self.assertIn(
            'its 2.000000 kWh are gone', self.manage('probe', 'forget', 'p')
        )
        self.assertEqual({}, commands.energy(self.url))

    def test_excluded_agent_is_listed_struck_and_readmitted(self):
        self.assertRegex(
            self.manage('agent', 'list'),
            rf'a +\| {AGENT} \| 1 +\| 20\S+ \| - ',
        )
        printed = self.manage('agent', 'exclude', AGENT)
        self.assertIn('Probe p fell by 2.000000 kWh', printed)
        self.assertIn('change the secret', printed)
        self.assertEqual({'p': 0}, commands.energy(self.url))
        self.assertRegex(
            self.manage('agent', 'list'),
            rf'a +\| {AGENT} \| 1 +\| 20\S+ \| 20',
        )
        self.assertIn('believed again', self.manage('agent', 'readmit', AGENT))

    def test_what_there_is_not_is_an_error(self):
        for words in (
            ('register', 'show', 'q'),
            ('probe', 'forget', 'q'),
            ('agent', 'exclude', OTHER),
            ('register', 'void', 'q', AGENT, '1' * 16),
            ('register', 'void', 'p', AGENT, 'f' * 16),
        ):
            error = self.assertRaises(AssertionError, self.manage, *words)
            self.assertIn('energy-meter-manage: no ', str(error))
