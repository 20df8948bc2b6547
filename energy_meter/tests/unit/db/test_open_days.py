# SPDX-License-Identifier: Apache-2.0

"""Days of hosts that are not closed."""

from unittest import mock

from energy_meter.db import engine as db_engine
from energy_meter.db import instance_days
from energy_meter.db import open_days
from energy_meter.tests import usages
from energy_meter.tests.unit.collector import closings
from energy_meter.tests.unit.db import base as db_base
from energy_meter.tests.unit.db import hosts


class OpenDaysTest(db_base.DatabaseTest):
    def meter(self, name: str, guest: int, length: int) -> None:
        """Meter a host with one instance."""
        host = hosts.Host(self.engine, name, [hosts.Guest(guest)])
        end = hosts.START + length
        host.meter(hosts.START, end, step=6 * hosts.HOUR_MS)

    def load(self, now: int, **conditions: str) -> list[tuple[int, str]]:
        """Return the days and hosts that are not closed at a date."""
        days = range(0, hosts.DAY + 100)
        with (
            mock.patch.object(db_engine, 'now', return_value=now),
            db_engine.snapshot(self.engine) as connection,
        ):
            return [
                (each.header.day - hosts.DAY, each.header.host)
                for each in open_days.load(
                    connection,
                    days,
                    hosts.RULES,
                    instance_days.Filter(**conditions),
                )
            ]

    def test_days_that_were_closed_are_left_out(self):
        end = hosts.START + 30 * hosts.HOUR_MS
        self.meter('a', 1, 30 * hosts.HOUR_MS)
        before = self.load(end)

        closings.close(self.engine, end)
        hosts.attribute(self.engine)

        self.assertEqual([(0, 'a'), (1, 'a')], before)
        self.assertEqual([(1, 'a')], self.load(end))

    def test_only_hosts_with_an_instance_are_attributed(self):
        end = hosts.START + 12 * hosts.HOUR_MS
        self.meter('a', 1, 12 * hosts.HOUR_MS)
        self.meter('b', 2, 12 * hosts.HOUR_MS)

        for conditions, expected in (
            ({}, ['a', 'b']),
            ({'project': 'project-0'}, ['b']),
            ({'instance': usages.uuid(1)}, ['a']),
            ({'instance': usages.uuid(1), 'project': 'project-0'}, []),
            ({'host': 'b'}, ['b']),
        ):
            found = self.load(end, **conditions)
            self.assertEqual([(0, name) for name in expected], found)

    def test_days_before_the_oldest_that_can_wait_are_left_out(self):
        self.meter('a', 1, 12 * hosts.HOUR_MS)

        self.assertEqual([], self.load(hosts.START + 40 * hosts.DAY_MS))
