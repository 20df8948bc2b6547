# SPDX-License-Identifier: Apache-2.0


"""Registers that ended long ago are folded into their probes."""

import sqlalchemy as sa

from energy_meter import measurement
from energy_meter.collector import housekeeping
from energy_meter.db import schema
from energy_meter.tests.unit.collector import databases
from energy_meter.tests.unit.db import base as db_base

DAY = 86_400
AFTER = 30


class FoldTest(db_base.DatabaseTest):
    def word(
        self,
        incarnation: int,
        days_ago: float,
        millijoules: int = 5,
    ) -> dict[str, int]:
        """Deliver a word of a register, one for each incarnation."""
        moment = self.now - days_ago * DAY
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
                        moment,
                        millijoules * 2.0,
                        millijoules,
                        10.0,
                    )
                ],
                moment,
            ).outcomes
        )

    def fold(self) -> int:
        with self.engine.begin() as connection:
            return housekeeping.fold(connection, AFTER)

    def account(self):
        return databases.load(self.engine, 'p')

    def test_energy_of_a_folded_register_stays(self):
        self.word(1, days_ago=40)
        self.word(2, days_ago=39)
        self.assertEqual(1, self.fold())
        self.assertEqual({}, self.account().others)
        self.assertEqual(10, self.account().millijoules)

    def test_words_of_a_folded_register_are_refused(self):
        self.word(1, days_ago=40)
        self.word(2, days_ago=39)
        self.fold()
        self.assertEqual(
            {'folded': 1}, self.word(1, days_ago=0, millijoules=7)
        )
        self.assertEqual(10, self.account().millijoules)

    def test_register_that_ended_lately_is_kept(self):
        self.word(1, days_ago=40)
        self.word(2, days_ago=29)
        self.word(3, days_ago=28)
        self.assertEqual(1, self.fold())
        self.assertEqual([('agent', 'r2')], list(self.account().others))

    def test_owner_is_never_folded(self):
        self.word(1, days_ago=400)
        self.assertEqual(0, self.fold())
        self.assertEqual(
            {'credited': 1}, self.word(1, days_ago=0, millijoules=7)
        )
        self.assertEqual(7, self.account().millijoules)

    def test_floor_never_sinks(self):
        with self.engine.begin() as connection:
            for incarnation in (5, 3):
                housekeeping.raise_floor(connection, 'p', 'agent', incarnation)
            self.assertEqual(
                [5],
                connection.scalars(
                    sa.select(schema.floor.c.incarnation)
                ).all(),
            )
