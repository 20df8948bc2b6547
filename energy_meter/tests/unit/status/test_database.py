# SPDX-License-Identifier: Apache-2.0

"""What the database tells about probes and clocks."""

import time

import fixtures
from oslo_config import cfg
from oslo_upgradecheck import upgradecheck
from oslotest import base
import sqlalchemy as sa

from energy_meter import conf as energy_meter_conf
from energy_meter.db import migration
from energy_meter.db import schema
from energy_meter.status import database
from energy_meter.tests import rows

Code = upgradecheck.Code


class DatabaseTest(base.BaseTestCase):
    def setUp(self) -> None:
        super().setUp()
        path = self.useFixture(fixtures.TempDir()).path
        self.url = f'sqlite:///{path}/db'
        self.engine = sa.create_engine(self.url)
        self.addCleanup(self.engine.dispose)
        migration.sync(self.engine)
        self.conf = cfg.ConfigOpts()
        energy_meter_conf.register_opts(self.conf)
        self.conf([], default_config_files=[])
        self.conf.set_override('connection', self.url, 'database')

    def add(
        self,
        probe: str,
        age: float = 0.0,
        late: float = 1.0,
        agent: str = 'agent',
    ) -> None:
        """Let news of a probe have come, so old and so late."""
        heard_at = time.time() - age
        rows.insert(
            self.engine,
            probe,
            heard_at=heard_at,
            time=heard_at - late,
            agent_name=agent,
        )

    def refuse(self, what: str, age: float) -> None:
        """Let collectors have refused something, so long ago."""
        with self.engine.begin() as connection:
            connection.execute(
                schema.refusal.insert().values(
                    what=what, number=7, at=time.time() - age
                )
            )


class SilentProbesTest(DatabaseTest):
    def test_all_probes_speak(self):
        self.add('a', age=10)

        self.assertEqual(Code.SUCCESS, database.silent_probes(self.conf).code)

    def test_silent_probes_are_named(self):
        self.add('a', age=10)
        self.add('b', age=400)

        result = database.silent_probes(self.conf)

        self.assertEqual(Code.WARNING, result.code)
        self.assertIn('No news for more than 300 s of b. ', result.details)

    def test_of_many_some_are_named(self):
        for number in range(8):
            self.add(f'p{number}', age=400)

        result = database.silent_probes(self.conf)

        self.assertIn(' of p0, p1, p2, p3, p4 and 3 more. ', result.details)


class RefusalsTest(DatabaseTest):
    def test_what_was_refused_today_is_told(self):
        self.refuse('rejected (unknown-key)', 60)
        self.refuse('implausible', 100_000)

        result = database.refusals(self.conf)

        self.assertEqual(Code.WARNING, result.code)
        self.assertIn(': rejected (unknown-key): 7. ', result.details)

    def test_a_clock_is_not_a_refusal(self):
        self.refuse('future', 60)

        self.assertEqual(Code.SUCCESS, database.refusals(self.conf).code)

    def test_old_refusals_matter_no_more(self):
        self.refuse('implausible', 100_000)

        self.assertEqual(Code.SUCCESS, database.refusals(self.conf).code)


class ClocksTest(DatabaseTest):
    def test_clocks_that_agree(self):
        self.add('a')

        self.assertEqual(Code.SUCCESS, database.clocks(self.conf).code)

    def test_an_agent_whose_clock_is_behind(self):
        self.add('a', late=100, agent='north')
        self.add('b', late=90, agent='north')
        self.add('c', agent='south')

        result = database.clocks(self.conf)

        self.assertEqual(Code.WARNING, result.code)
        self.assertIn(': north (90 s). ', result.details)

    def test_an_agent_whose_clock_is_ahead(self):
        self.add('a')
        self.refuse('future', 60)

        result = database.clocks(self.conf)

        self.assertEqual(Code.WARNING, result.code)
        self.assertIn("ahead of the database's", result.details)

    def test_one_late_measurement_of_a_punctual_agent_is_no_clock(self):
        self.add('a', late=100)
        self.add('b')

        self.assertEqual(Code.SUCCESS, database.clocks(self.conf).code)

    def test_a_database_whose_clock_is_ahead(self):
        real = time.time
        self.useFixture(
            fixtures.MockPatchObject(
                database.time, 'time', lambda: real() - 60
            )
        )

        result = database.clocks(self.conf)

        self.assertEqual(Code.WARNING, result.code)
        self.assertIn('60 s ahead of that of this machine', result.details)


class NoDatabaseTest(DatabaseTest):
    def test_a_machine_of_agents_needs_none(self):
        self.conf.set_override('connection', None, 'database')

        for check in (
            database.revision,
            database.silent_probes,
            database.clocks,
        ):
            self.assertEqual(Code.SUCCESS, check(self.conf).code)

    def test_one_that_is_away_is_told_once(self):
        self.conf.set_override(
            'connection', 'sqlite:////none/none', 'database'
        )

        self.assertEqual(Code.FAILURE, database.revision(self.conf).code)
        for check in (database.silent_probes, database.clocks):
            self.assertEqual(Code.SUCCESS, check(self.conf).code)
