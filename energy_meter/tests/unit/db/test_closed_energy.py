# SPDX-License-Identifier: Apache-2.0

"""Energy of closed days, of probes and of sums."""

from energy_meter.billing import profile
from energy_meter.db import closed_days
from energy_meter.db import closed_energy
from energy_meter.db import schema
from energy_meter.tests import rows
from energy_meter.tests.unit.db import base as db_base

DAY = 20_000
START = DAY * closed_days.DAY_MS
NOON = START + closed_days.DAY_MS // 2

#: Energy in mJ of each quarter-hour of all probes.
ENERGY = 7_000_000


class ClosedEnergyTest(db_base.DatabaseTest):
    def close(self, probe, day=DAY, version=1, energy=ENERGY):
        edges = tuple(
            profile.Edge(
                day * closed_days.DAY_MS + number * closed_days.INTERVAL_MS,
                number * energy,
                number * closed_days.INTERVAL_MS,
                0,
            )
            for number in range(97)
        )
        with self.engine.begin() as connection:
            closed_days.insert(
                connection,
                [
                    closed_days.ClosedDay(
                        probe,
                        day,
                        version,
                        version,
                        True,
                        '',
                        '',
                        edges,
                        (profile.Clock(0),) * 96,
                    )
                ],
            )

    def add_probe(self, probe, closed_until):
        with self.engine.begin() as connection:
            connection.execute(
                schema.probe.insert(),
                {**rows.PROBE, 'id': probe, 'closed_until': closed_until},
            )

    def join(self, part, since=0, until=None):
        with self.engine.begin() as connection:
            connection.execute(
                schema.membership.insert(),
                {
                    'member': part,
                    'kind': 'sum',
                    'whole': 'total',
                    'since': since,
                    'until': until,
                    'joined_shown': 0,
                },
            )

    def quarter_hours(self, *probes):
        with self.engine.connect() as connection:
            return closed_energy.quarter_hours(
                connection, probes, DAY, DAY + 1
            )

    def test_sum_hides_days_of_a_probe_of_its_name(self):
        # Given a closed day of a probe, and an open one of the part of a sum,
        self.close('total')
        self.add_probe('a', closed_until=START)
        self.join('a')

        # then that day of the sum is not closed.
        self.assertEqual({}, self.quarter_hours('total'))

    def test_latest_version_counts(self):
        self.close('a')
        self.close('a', version=2, energy=5)

        self.assertEqual({('a', DAY): (5,) * 96}, self.quarter_hours('a', 'b'))

    def test_part_counts_within_its_membership(self):
        for part in 'a', 'b':
            self.close(part)
        self.join('a', until=NOON)
        self.join('b', since=NOON - closed_days.INTERVAL_MS)

        self.assertEqual(
            {
                ('total', DAY): (
                    *(ENERGY,) * 47,
                    2 * ENERGY,
                    *(ENERGY,) * 48,
                )
            },
            self.quarter_hours('total'),
        )

    def test_sum_is_open_until_all_parts_are_closed(self):
        for part in 'a', 'b':
            self.join(part)
        self.close('a')
        self.add_probe('a', START + closed_days.DAY_MS)
        self.add_probe('b', START)

        self.assertEqual({}, self.quarter_hours('total'))

    def test_former_part_does_not_keep_a_sum_open(self):
        self.join('a')
        self.join('b', until=START)
        self.close('a')
        self.add_probe('a', START + closed_days.DAY_MS)
        self.add_probe('b', None)

        self.assertEqual(
            {('total', DAY): (ENERGY,) * 96}, self.quarter_hours('total')
        )

    def test_part_that_was_never_metered_does_not_keep_a_sum_open(self):
        self.join('a')
        self.join('spare')
        self.close('a')
        self.add_probe('a', START + closed_days.DAY_MS)

        self.assertEqual(
            {('total', DAY): (ENERGY,) * 96}, self.quarter_hours('total')
        )

    def test_sum_of_restated_parts_is_restated(self):
        self.join('a')
        self.close('a')
        self.close('b')
        self.close('a', version=2)

        with self.engine.connect() as connection:
            restated = closed_energy.restated(connection)

        self.assertEqual({'a': {DAY}, 'total': {DAY}}, restated)
