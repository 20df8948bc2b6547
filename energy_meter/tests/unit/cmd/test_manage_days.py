# SPDX-License-Identifier: Apache-2.0

"""Commands of energy-meter-manage for closed days."""

import datetime
import random

import sqlalchemy as sa

from energy_meter.cmd import manage
from energy_meter.collector import day_views
from energy_meter.db import engine as db_engine
from energy_meter.db import schema
from energy_meter.tests.unit.cmd import base
from energy_meter.tests.unit.collector import agents
from energy_meter.tests.unit.collector import closings
from energy_meter.tests.unit.collector import databases

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS


class DaysTest(base.CommandTest):
    """Probe p has 1 kW since midnight, three days ago."""

    def setUp(self) -> None:
        super().setUp()
        self.log_in(1000, ann=1000)
        self.succeed('db', 'sync')
        self.engine = sa.create_engine(self.url)
        self.addCleanup(self.engine.dispose)
        with self.engine.connect() as connection:
            self.now = db_engine.now(connection)
        self.start = self.now // DAY_MS * DAY_MS - 3 * DAY_MS
        self.agent = agents.Agent('p', 'A', 1_000_000)
        self.agent.start(random.Random(1), self.start)

    def succeed(self, *arguments: str) -> str:
        result = self.run_command(manage.main, *arguments)
        self.assertEqual((0, ''), (result.code, result.error))
        return result.output

    def fail(self, *arguments: str) -> str:
        result = self.run_command(manage.main, *arguments)
        self.assertNotEqual(0, result.code)
        return result.error

    def meter(self, first: int, until: int) -> None:
        """Deliver measurements from one hour since the start to another."""
        for hour in range(first, until):
            date = self.start + hour * HOUR_MS
            databases.deliver(self.engine, self.agent.measure(date), date)

    def see(self) -> None:
        """Set the last sight of the agent's register to now."""
        with self.engine.begin() as connection:
            connection.execute(
                schema.register.update().values(last_seen_at=self.now)
            )

    def day(self, number: int) -> str:
        return day_views.iso(self.start // DAY_MS + number)

    def test_versions_are_listed_with_reason_and_user(self):
        # Given two closed days, one of which changed,
        self.meter(1, 73)
        closings.close(self.engine, self.start + 50 * HOUR_MS)
        key = self.agent.point(self.start, is_mark=True).register
        databases.void(self.engine, 'p', key, self.now)
        before = self.succeed('day', 'list', 'p')
        closings.restate(self.engine, self.now)

        output = self.succeed('day', 'list', 'p')

        self.assertEqual(2, before.count('changed: void'))
        self.assertNotIn('changed', output)
        first = [line for line in output.splitlines() if self.day(0) in line]
        self.assertEqual(2, len(first))
        for value in ('| 1 ', '24.000000', '1.0000', 'closed', 'yes'):
            self.assertIn(value, first[0])
        for value in ('| 2 ', '0.000000', 'void', 'operator'):
            self.assertIn(value, first[1])

    def test_day_that_waits_is_listed_with_its_reason(self):
        self.meter(1, 21)
        self.see()

        output = self.succeed('day', 'list', 'p')

        line = next(
            each for each in output.splitlines() if self.day(0) in each
        )
        self.assertIn('measurements_missing', line)

    def test_days_between_two_dates_are_listed(self):
        self.meter(1, 73)
        closings.close(self.engine, self.now)

        output = self.succeed(
            *('day', 'list', 'p', '--since', self.day(1)),
            *('--until', self.day(1)),
        )

        self.assertNotIn(self.day(0), output)
        self.assertIn(self.day(1), output)
        self.assertNotIn(self.day(2), output)

    def test_quarter_hours_show_their_difference(self):
        self.meter(1, 73)
        closings.close(self.engine, self.now)
        key = self.agent.point(self.start, is_mark=True).register
        databases.void(self.engine, 'p', key, self.now)
        closings.restate(self.engine, self.now)

        latest = self.succeed('day', 'show', 'p', self.day(0))
        first = self.succeed('day', 'show', 'p', self.day(0), '--version', '1')

        self.assertEqual(96, latest.count('-0.250000'))
        self.assertEqual(96, first.count('0.250000'))
        self.assertIn('Version 2', latest)

    def test_day_that_is_not_closed_is_named(self):
        self.meter(1, 3)

        error = self.fail('day', 'show', 'p', self.day(1))

        self.assertIn(self.day(1), error)

    def test_unknown_probe_is_named(self):
        for arguments in (('list', 'q'), ('close', 'q', '--yes')):
            self.assertIn('q', self.fail('day', *arguments))

    def test_closing_is_audited(self):
        self.meter(1, 21)
        self.see()

        output = self.succeed(
            'day', 'close', 'p', '--until', self.day(0), '--yes'
        )

        self.assertEqual(
            'Closed 1 days of probe p with 20.000000 kWh, 1 of them '
            'incomplete\n',
            output,
        )
        with self.engine.connect() as connection:
            rows = connection.execute(sa.select(schema.audit)).all()
        self.assertEqual('ann (1000)', rows[0].username)
        self.assertIn(f'close days {self.day(0)}', rows[0].action)
        (version,) = closings.versions(self.engine)
        self.assertEqual(
            ('ann (1000)', False), (version.username, version.complete)
        )

    def test_all_probes_are_closed_up_to_yesterday(self):
        self.meter(1, 73)

        self.succeed('day', 'close', '--all', '--yes')

        last = closings.versions(self.engine)[-1]
        today = datetime.datetime.fromtimestamp(self.now / 1000, datetime.UTC)
        self.assertEqual(
            (today.date() - datetime.timedelta(1)).isoformat(),
            day_views.iso(last.day),
        )
