# SPDX-License-Identifier: Apache-2.0

"""Checks of the database and of its contents."""

import time

import fixtures
from oslo_config import cfg
from oslo_upgradecheck import upgradecheck
from oslotest import base
import sqlalchemy as sa

from energy_meter import conf as energy_meter_conf
from energy_meter.collector import alarms
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
        """Insert a probe.

        :param age: seconds since its last update.
        :param late: latency of this update in seconds.
        """
        last_seen_at = rows.now() - int(age * 1000)
        rows.insert(
            self.engine,
            probe,
            last_seen_at=last_seen_at,
            timestamp=last_seen_at - int(late * 1000),
            agent_name=agent,
        )

    def reject(self, reason: str, age: float, agent: str = '') -> None:
        """Insert rejections by collectors.

        :param age: seconds since the last of them.
        """
        with self.engine.begin() as connection:
            connection.execute(
                schema.rejection.insert().values(
                    reason=reason,
                    agent=agent,
                    count=7,
                    last_seen_at=rows.now() - int(age * 1000),
                )
            )

    def raise_alarms(self, probe: str, alarms: str) -> None:
        with self.engine.begin() as connection:
            connection.execute(
                schema.probe.update()
                .where(schema.probe.c.id == probe)
                .values(alarms=alarms)
            )


class StaleProbesTest(DatabaseTest):
    def test_recently_updated_probes_pass(self):
        self.add('a', age=10)

        self.assertEqual(Code.SUCCESS, database.stale_probes(self.conf).code)

    def test_stale_probes_are_named(self):
        self.add('a', age=10)
        self.add('b', age=400)

        result = database.stale_probes(self.conf)

        self.assertEqual(Code.WARNING, result.code)
        self.assertIn('No update for more than 300 s from b. ', result.details)

    def test_only_first_stale_probes_are_named(self):
        for index in range(8):
            self.add(f'p{index}', age=400)

        result = database.stale_probes(self.conf)

        self.assertIn(' from p0, p1, p2, p3, p4 and 3 more. ', result.details)


class AlarmsTest(DatabaseTest):
    def test_probes_without_alarms_pass(self):
        self.add('a')

        self.assertEqual(Code.SUCCESS, database.probe_alarms(self.conf).code)

    def test_each_alarm_names_its_probes_and_what_to_do(self):
        for probe in 'a', 'b', 'c':
            self.add(probe)
        self.raise_alarms('a', 'clock_behind concurrent_agents')
        self.raise_alarms('b', 'clock_behind')

        result = database.probe_alarms(self.conf)

        self.assertEqual(Code.WARNING, result.code)
        self.assertIn('clock_behind of a, b: ', result.details)
        self.assertIn('concurrent_agents of a: ', result.details)
        self.assertIn('NTP', result.details)

    def test_every_alarm_has_an_explanation(self):
        for alarm in alarms.NAMES:
            self.add(alarm)
            self.raise_alarms(alarm, alarm)

        details = database.probe_alarms(self.conf).details

        for alarm in alarms.NAMES:
            self.assertIn(f'{alarm} of {alarm}: ', details)


class RejectionsTest(DatabaseTest):
    def test_agent_whose_measurements_are_rejected_is_named(self):
        self.reject('void', 60, agent='north')

        result = database.rejections(self.conf)

        self.assertEqual(Code.WARNING, result.code)
        self.assertIn(': void of agent north: 7. ', result.details)

    def test_recent_rejections_are_reported(self):
        self.reject('envelopes_rejected (unknown_key)', 60)
        self.reject('measurements_quarantined', 100_000)

        result = database.rejections(self.conf)

        self.assertEqual(Code.WARNING, result.code)
        self.assertIn(
            ': envelopes_rejected (unknown_key): 7. ', result.details
        )

    def test_clamped_measurements_are_not_rejections(self):
        self.reject('measurements_clamped', 60)

        self.assertEqual(Code.SUCCESS, database.rejections(self.conf).code)

    def test_old_rejections_are_not_reported(self):
        self.reject('measurements_quarantined', 100_000)

        self.assertEqual(Code.SUCCESS, database.rejections(self.conf).code)


class ClocksTest(DatabaseTest):
    def test_synchronized_clocks_pass(self):
        self.add('a')

        self.assertEqual(Code.SUCCESS, database.clocks(self.conf).code)

    def test_agent_with_late_measurements_is_named(self):
        self.add('a', late=100, agent='north')
        self.add('b', late=90, agent='north')
        self.add('c', agent='south')

        result = database.clocks(self.conf)

        self.assertEqual(Code.WARNING, result.code)
        self.assertIn(': north (90 s). ', result.details)

    def test_agent_with_a_clock_that_is_ahead_is_reported(self):
        self.add('a')
        self.reject('measurements_clamped', 60)

        result = database.clocks(self.conf)

        self.assertEqual(Code.WARNING, result.code)
        self.assertIn('ahead of the database', result.details)

    def test_agent_with_one_late_measurement_passes(self):
        self.add('a', late=100)
        self.add('b')

        self.assertEqual(Code.SUCCESS, database.clocks(self.conf).code)

    def test_database_with_a_clock_that_is_ahead_is_reported(self):
        real = time.time
        self.useFixture(
            fixtures.MockPatchObject(
                database.time, 'time', lambda: real() - 60
            )
        )

        result = database.clocks(self.conf)

        self.assertEqual(Code.WARNING, result.code)
        self.assertIn('60 s ahead of this machine', result.details)


class NoDatabaseTest(DatabaseTest):
    def test_machine_without_a_database_passes(self):
        self.conf.set_override('connection', None, 'database')

        for check in (
            database.revision,
            database.stale_probes,
            database.clocks,
        ):
            self.assertEqual(Code.SUCCESS, check(self.conf).code)

    def test_unavailable_database_is_reported_once(self):
        self.conf.set_override(
            'connection', 'sqlite:////none/none', 'database'
        )

        self.assertEqual(Code.FAILURE, database.revision(self.conf).code)
        for check in (database.stale_probes, database.clocks):
            self.assertEqual(Code.SUCCESS, check(self.conf).code)
