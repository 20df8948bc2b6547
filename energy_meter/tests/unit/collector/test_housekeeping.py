# SPDX-License-Identifier: Apache-2.0

"""Folding of old registers into their probes."""

import sqlalchemy as sa

from energy_meter import measurement
from energy_meter.collector import housekeeping
from energy_meter.db import schema
from energy_meter.tests.unit.collector import databases
from energy_meter.tests.unit.db import base as db_base

DAY_S = 86_400
AFTER_DAYS = 30


class FoldTest(db_base.DatabaseTest):
    def deliver(
        self,
        incarnation: int,
        days_ago: float,
        millijoules: int = 5,
    ) -> dict[str, int]:
        """Write a measurement; each incarnation has one register."""
        timestamp = self.now - days_ago * DAY_S
        return dict(
            databases.deliver(
                self.engine,
                [
                    measurement.Measurement(
                        measurement.Probe(
                            'p', 'node', 'p', 'w', 'dummy', 'agent'
                        ),
                        measurement.RegisterKey(
                            'agent', f'r{incarnation}', incarnation
                        ),
                        timestamp,
                        millijoules * 2.0,
                        millijoules,
                        10.0,
                    )
                ],
                timestamp,
            ).outcomes
        )

    def fold(self) -> int:
        with self.engine.begin() as connection:
            return housekeeping.fold(connection, AFTER_DAYS)

    def account(self):
        return databases.load(self.engine, 'p')

    def test_energy_of_a_folded_register_remains(self):
        self.deliver(1, days_ago=40)
        self.deliver(2, days_ago=39)
        self.assertEqual(1, self.fold())
        self.assertEqual({}, self.account().others)
        self.assertEqual(10, self.account().millijoules)

    def test_measurements_of_a_folded_register_are_rejected(self):
        self.deliver(1, days_ago=40)
        self.deliver(2, days_ago=39)
        self.fold()
        self.assertEqual(
            {'stale_incarnation': 1},
            self.deliver(1, days_ago=0, millijoules=7),
        )
        self.assertEqual(10, self.account().millijoules)

    def test_recently_updated_register_is_kept(self):
        self.deliver(1, days_ago=40)
        self.deliver(2, days_ago=29)
        self.deliver(3, days_ago=28)
        self.assertEqual(1, self.fold())
        self.assertEqual([('agent', 'r2')], list(self.account().others))

    def test_owner_is_never_folded(self):
        self.deliver(1, days_ago=400)
        self.assertEqual(0, self.fold())
        self.assertEqual(
            {'billed': 1}, self.deliver(1, days_ago=0, millijoules=7)
        )
        self.assertEqual(7, self.account().millijoules)

    def test_floor_never_decreases(self):
        with self.engine.begin() as connection:
            for incarnation in (5, 3):
                housekeeping.raise_floor(connection, 'p', 'agent', incarnation)
            self.assertEqual(
                [5],
                connection.scalars(
                    sa.select(schema.floor.c.incarnation)
                ).all(),
            )
