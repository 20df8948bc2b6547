# SPDX-License-Identifier: Apache-2.0

"""Packing of old marks."""

import random
import threading
from unittest import mock

import fixtures
import sqlalchemy as sa

from energy_meter import measurement
from energy_meter.collector import administration
from energy_meter.collector import housekeeping
from energy_meter.db import engine as db_engine
from energy_meter.db import packing
from energy_meter.db import schema
from energy_meter.tests.unit.collector import agents
from energy_meter.tests.unit.collector import databases
from energy_meter.tests.unit.db import base as db_base
from energy_meter.tests.unit.db import curves

DAY_MS = 86_400_000
#: Midnight of the first day.
START = agents.EPOCH // DAY_MS * DAY_MS


class PurgeTest(db_base.DatabaseTest):
    """Two agents that meter a probe for some days, one of them with pauses."""

    def setUp(self) -> None:
        super().setUp()
        self.random = random.Random(1)
        self.agents = [
            agents.Agent('p', 'A', 250_000),
            agents.Agent('p', 'B', 200_000),
        ]
        self.hours = 0

    def meter(self, days: float) -> None:
        """Meter with both agents, which restart now and then, and settle."""
        for _ in range(int(days * 24)):
            date = START + self.hours * 3_600_000
            self.hours += 1
            for agent in self.agents:
                if not agent.register or self.random.random() < 0.05:
                    agent.start(self.random, date)
                elif self.random.random() < 0.8:
                    databases.deliver(
                        self.engine, agent.measure(date), date + 1000
                    )
            databases.settle(self.engine, date + 1000)

    def purge(self, day: float) -> int:
        """Run on a day since the start, 30 days after the days to pack."""
        now = START + int((day + 30) * DAY_MS)
        with mock.patch.object(db_engine, 'now', return_value=now):
            return housekeeping.purge(self.engine, threading.Event())

    def curve(self) -> list[int]:
        """Return the energy by date, in steps other than quarter-hours."""
        dates = range(START, START + 5 * DAY_MS, 1_000_003)
        with db_engine.snapshot(self.engine) as connection:
            return curves.energy_at(connection, 'p', dates)

    def probe(self) -> object:
        with self.engine.connect() as connection:
            return connection.execute(sa.select(schema.probe)).one()

    def count(self, table: sa.Table) -> int:
        with self.engine.connect() as connection:
            query = sa.select(sa.func.count()).select_from(table)
            return connection.scalar(query)

    def test_no_energy_changes(self):
        self.meter(3)
        probe, curve = self.probe(), self.curve()

        self.assertGreater(self.purge(2), 200)

        self.assertEqual(probe, self.probe())
        self.assertEqual(curve, self.curve())

    def test_marks_before_the_horizon_become_days(self):
        self.meter(3)
        marks = self.count(schema.mark)

        packed = self.purge(2)

        self.assertEqual(marks - packed, self.count(schema.mark))
        with self.engine.connect() as connection:
            table = schema.profile_day
            days = connection.scalars(sa.select(table.c.day).distinct())
            self.assertEqual({START // DAY_MS, START // DAY_MS + 1}, set(days))

    def test_purge_takes_whole_days(self):
        self.meter(2)

        self.assertEqual(0, self.purge(0.9))
        self.assertGreater(self.purge(1.9), 50)
        self.assertEqual(0, self.purge(1.1))

    def test_purging_again_changes_nothing(self):
        self.meter(3)
        self.purge(2)
        days = self.count(schema.profile_day)

        self.assertEqual(0, self.purge(2))

        self.assertEqual(days, self.count(schema.profile_day))

    def test_day_by_day_is_the_same_as_all_at_once(self):
        self.meter(4)
        curve = self.curve()

        for day in range(5):
            self.purge(day)

            self.assertEqual(curve, self.curve(), f'day {day}')

    def test_probe_can_be_metered_and_settled_afterwards(self):
        self.meter(3)
        self.purge(2)
        before = self.curve()

        self.meter(1)

        after = self.curve()
        until = len(range(START, START + 2 * DAY_MS, 1_000_003))
        self.assertEqual(before[:until], after[:until])
        self.assertGreater(after[-1], before[-1])
        databases.settle(self.engine, START + 35 * DAY_MS)
        self.assertEqual(after[-1], databases.shown(self.engine)['p'])

    def test_contested_probe_is_settled_first(self):
        self.meter(3)
        agent = self.agents[0]
        date = START + 3 * DAY_MS
        databases.deliver(self.engine, agent.measure(date), date)
        self.assertTrue(self.probe().contested)

        self.assertGreater(self.purge(2), 200)

        self.assertFalse(self.probe().contested)

    def test_old_marks_that_arrive_again_move_nothing(self):
        self.meter(1)
        agent = self.agents[0]
        agent.start(self.random, START + DAY_MS)
        received = agent.measure(START + DAY_MS + 10 * 3_600_000)
        date = START + DAY_MS + 11 * 3_600_000
        databases.deliver(self.engine, received, date)
        databases.settle(self.engine, date)
        self.purge(2)
        probe, curve = self.probe(), self.curve()

        databases.deliver(self.engine, received, START + 33 * DAY_MS)

        databases.settle(self.engine, START + 33 * DAY_MS)
        self.assertEqual(probe.base_millijoules, self.probe().base_millijoules)
        self.assertEqual(curve, self.curve())
        self.assertEqual(0, self.count(schema.mark))

    def test_old_register_that_is_voided_is_not_replaced(self):
        self.meter(3)
        self.purge(3)
        with self.engine.connect() as connection:
            table = schema.register
            billed = {
                row.number: row
                for row in connection.execute(
                    sa.select(table).order_by(table.c.first_timestamp)
                )
            }
            overlap = dict(
                connection.execute(
                    sa.select(
                        schema.overlap.c.register,
                        sa.func.sum(schema.overlap.c.millijoules),
                    ).group_by(schema.overlap.c.register)
                ).all()
            )
        number, row = next(iter(billed.items()))
        expected = row.millijoules - overlap.get(number, 0)

        with mock.patch.object(
            db_engine, 'now', return_value=START + 33 * DAY_MS
        ):
            removed = administration.void(
                self.engine, 'p', row.agent, row.register, 'me'
            )

        self.assertEqual(expected, removed)
        self.assertEqual(databases.shown(self.engine)['p'], self.curve()[-1])

    def test_purge_stops_when_the_service_stops(self):
        self.meter(2)
        stopping = threading.Event()
        stopping.set()
        with mock.patch.object(
            db_engine, 'now', return_value=START + 40 * DAY_MS
        ):
            self.assertEqual(0, housekeeping.purge(self.engine, stopping))

    def test_marks_of_a_deleted_probe_are_packed(self):
        self.meter(2)
        administration.delete_probe(self.engine, 'p', 'me')

        self.assertGreater(self.purge(1), 100)


class TwinTest(db_base.DatabaseTest):
    """Two databases with the same measurements; one is purged all the time."""

    def setUp(self) -> None:
        super().setUp()
        self.twin = sa.create_engine('sqlite://')
        self.addCleanup(self.twin.dispose)
        schema.metadata.create_all(self.twin)
        # Days would take too long.
        self.useFixture(
            fixtures.MockPatchObject(
                packing,
                'horizon',
                lambda db_now: (db_now - 7_200_000) // 900_000 * 900_000,
            )
        )

    def contents(self, engine: sa.Engine) -> tuple[object, ...]:
        """Return what is billed, in total and by date."""
        with db_engine.snapshot(engine) as connection:
            return (
                connection.execute(sa.select(schema.probe)).all(),
                connection.execute(
                    sa.select(schema.overlap).order_by(
                        schema.overlap.c.cell, schema.overlap.c.register
                    )
                ).all(),
                curves.energy_at(
                    connection,
                    'p',
                    range(START, START + DAY_MS, 1_000_003),
                ),
            )

    def deliver(
        self, measurements: list[measurement.Measurement], date: int
    ) -> None:
        for engine in self.engine, self.twin:
            databases.deliver(engine, measurements, date)
            databases.settle(engine, date)
        with mock.patch.object(db_engine, 'now', return_value=date):
            housekeeping.purge(self.twin, threading.Event())
            self.assertEqual(
                self.contents(self.engine), self.contents(self.twin)
            )

    def test_purge_never_changes_what_is_billed(self):
        for seed in range(6):
            databases.empty(self.engine)
            databases.empty(self.twin)
            generator = random.Random(seed)
            meters = [
                agents.Agent('p', name, generator.randint(1, 500_000))
                for name in ('A', 'B', 'C')
            ]
            for agent in meters:
                agent.start(generator, START)
            for hour in range(1, 16):
                date = START + hour * 3_600_000 + generator.randrange(900_000)
                measurements: list[measurement.Measurement] = []
                for agent in meters:
                    if hour > 1 and generator.random() < 0.2:
                        agent.start(generator, date)
                    elif hour == 1 or generator.random() < 0.5:
                        # Most marks are lost: segments cross the horizon.
                        measurements += [
                            received
                            for received in agent.measure(date)
                            if not received.is_mark or generator.random() < 0.2
                        ]

                self.deliver(measurements, date)

            self.assertGreater(len(self.contents(self.twin)[1]), 5)
            with self.twin.connect() as connection:
                days = connection.execute(sa.select(schema.profile_day)).all()
            self.assertGreater(len(days), 3)
