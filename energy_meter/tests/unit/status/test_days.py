# SPDX-License-Identifier: Apache-2.0

"""Check of closed days."""

from oslo_upgradecheck import upgradecheck

from energy_meter.db import schema
from energy_meter.status import days
from energy_meter.tests import rows
from energy_meter.tests.unit.status import test_database

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
Code = upgradecheck.Code


class DaysTest(test_database.DatabaseTest):
    def close(self, probe: str, ago: int) -> None:
        """Close all days of a probe before a date.

        :param ago: how long ago it was, in ms.
        """
        with self.engine.begin() as connection:
            connection.execute(
                schema.probe.update()
                .where(schema.probe.c.id == probe)
                .values(closed_until=rows.now() - ago)
            )

    def open(self, probe: str, ago: int) -> None:
        """Open the register of a probe."""
        with self.engine.begin() as connection:
            connection.execute(
                schema.register.update()
                .where(schema.register.c.probe == probe)
                .values(first_elapsed=0, first_timestamp=rows.now() - ago)
            )

    def change(self, probe: str, ago: int) -> None:
        with self.engine.begin() as connection:
            connection.execute(
                schema.changed_day.insert().values(
                    probe=probe,
                    day=1,
                    changed_at=rows.now() - ago,
                    reason='void',
                    username='ann',
                )
            )

    def test_days_that_may_still_wait_pass(self):
        self.add('a')
        self.close('a', DAY_MS + 75 * HOUR_MS)
        self.add('b')
        self.open('b', 2 * DAY_MS + 75 * HOUR_MS)
        self.change('b', HOUR_MS // 2)

        self.assertEqual(Code.SUCCESS, days.check(self.conf).code)

    def test_probes_with_days_that_should_be_closed_are_named(self):
        self.add('a')
        self.close('a', DAY_MS + 77 * HOUR_MS)
        self.add('b')
        self.open('b', 2 * DAY_MS + 77 * HOUR_MS)
        self.add('c')
        self.close('c', DAY_MS)

        result = days.check(self.conf)

        self.assertEqual(Code.WARNING, result.code)
        self.assertIn('should be closed of a, b. ', result.details)
        self.assertIn('day list PROBE', result.details)

    def test_changes_without_a_new_version_are_named(self):
        self.add('a')
        self.close('a', DAY_MS)
        self.change('a', 2 * HOUR_MS)

        result = days.check(self.conf)

        self.assertEqual(Code.WARNING, result.code)
        self.assertIn('Closed days that changed of a. ', result.details)
