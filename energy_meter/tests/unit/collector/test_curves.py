# SPDX-License-Identifier: Apache-2.0

"""Energy of a probe by date."""

import itertools
import random
from unittest import mock

from energy_meter import exception
from energy_meter.db import engine as db_engine
from energy_meter.tests.unit.collector import agents
from energy_meter.tests.unit.collector import databases
from energy_meter.tests.unit.db import base as db_base
from energy_meter.tests.unit.db import curves

HOUR_MS = 3_600_000
END_OF_TIME_MS = 2**62


class CurvesTest(db_base.DatabaseTest):
    def energy_at(self, *dates: int, probe: str = 'p') -> list[int]:
        now = agents.EPOCH + 100 * HOUR_MS
        with (
            mock.patch.object(db_engine, 'now', return_value=now),
            db_engine.snapshot(self.engine) as connection,
        ):
            return curves.energy_at(connection, probe, dates)

    def meter(
        self, agent: agents.Agent, since: int, hours: int, *, settle: bool
    ) -> None:
        """Meter from an hour on, in a new register."""
        start = agents.EPOCH + since * HOUR_MS
        agent.start(random.Random(agent.name), start)
        for hour in range(1, hours + 1):
            date = start + hour * HOUR_MS
            databases.deliver(self.engine, agent.measure(date), date)
        if settle:
            databases.settle(self.engine, date)

    def test_energy_rises_evenly_between_marks(self):
        self.meter(agents.Agent('p', 'A', 1000), 0, 2, settle=True)

        self.assertEqual(
            [0, 0, 450_000, 3_600_000, 7_200_000, 7_200_000],
            self.energy_at(
                0,
                agents.EPOCH,
                agents.EPOCH + 450_000,
                agents.EPOCH + HOUR_MS,
                agents.EPOCH + 2 * HOUR_MS,
                END_OF_TIME_MS,
            ),
        )

    def test_intervals_add_up_to_the_energy_that_is_shown(self):
        for seed in range(5):
            generator = random.Random(seed)
            databases.empty(self.engine)
            for date, measurements in agents.batches(generator, ['p']):
                databases.deliver(self.engine, measurements, date)
            databases.settle(self.engine, date)
            dates = sorted(
                generator.randrange(agents.EPOCH, date) for _ in range(50)
            )

            energies = self.energy_at(0, *dates, END_OF_TIME_MS)

            self.assertEqual(0, energies[0])
            self.assertTrue(
                all(a <= b for a, b in itertools.pairwise(energies)), seed
            )
            self.assertEqual(
                databases.shown(self.engine)['p'], energies[-1], seed
            )

    def test_each_instant_is_counted_once(self):
        self.meter(agents.Agent('p', 'A', 1000), 0, 4, settle=False)
        self.meter(agents.Agent('p', 'B', 2000), 2, 4, settle=True)

        self.assertEqual(
            [7_200_000, 14_400_000, 28_800_000],
            self.energy_at(
                agents.EPOCH + 2 * HOUR_MS,
                agents.EPOCH + 4 * HOUR_MS,
                END_OF_TIME_MS,
            ),
        )

    def test_contested_probe_answers_as_if_it_was_settled(self):
        self.meter(agents.Agent('p', 'A', 1000), 0, 4, settle=False)
        self.meter(agents.Agent('p', 'B', 2000), 2, 4, settle=False)
        dates = [agents.EPOCH + hour * HOUR_MS for hour in range(7)]
        contested = self.energy_at(*dates)

        databases.settle(self.engine, dates[-1])

        self.assertEqual(self.energy_at(*dates), contested)

    def test_register_that_arrives_after_30_days_is_not_counted(self):
        late = agents.Agent('p', 'A', 1000)
        late.start(random.Random(2), agents.EPOCH - 40 * 24 * HOUR_MS)
        measurements = late.measure(agents.EPOCH - 39 * 24 * HOUR_MS)
        self.meter(agents.Agent('p', 'B', 2000), 0, 1, settle=True)
        now = agents.EPOCH + HOUR_MS
        databases.deliver(self.engine, measurements, now)

        contested = self.energy_at(0, END_OF_TIME_MS)
        databases.settle(self.engine, now)

        self.assertEqual([0, 7_200_000], contested)
        self.assertEqual(contested, self.energy_at(0, END_OF_TIME_MS))

    def test_unknown_probe_fails(self):
        self.assertRaises(
            exception.ProbeNotFound, self.energy_at, 0, probe='x'
        )
