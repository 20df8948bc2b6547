# SPDX-License-Identifier: Apache-2.0

"""Versions of closed days in the database."""

import random

import hypothesis
from hypothesis import strategies
from oslo_db import exception as db_exception
from oslotest import base
import sqlalchemy as sa

from energy_meter.billing import profile
from energy_meter.db import changed_days
from energy_meter.db import closed_days
from energy_meter.db import day_packing
from energy_meter.db import schema
from energy_meter.tests.unit.db import base as db_base

DAY = 20_000
numbers = strategies.integers(0, 2**62)


def closed_day(probe='p', day=DAY, version=1, **values):
    """Return a day of a server of 200 to 400 W."""
    generator = random.Random(repr((probe, day, version)))
    energy = 0
    edges = []
    for quarter in range(97):
        date = day * closed_days.DAY_MS + quarter * closed_days.INTERVAL_MS
        metered = quarter * closed_days.INTERVAL_MS
        edges.append(profile.Edge(date, energy, metered, 0))
        energy += int(900_000 * generator.uniform(200, 400))
    return closed_days.ClosedDay(
        probe,
        day,
        version,
        values.pop('closed_at', 1000 * version),
        values.pop('complete', True),
        'closed',
        '',
        tuple(values.pop('edges', edges)),
        tuple(values.pop('clocks', [profile.Clock(0)] * 96)),
    )


class ClosedDaysTest(db_base.DatabaseTest):
    def insert(self, *days):
        with self.engine.begin() as connection:
            closed_days.insert(connection, days)

    def latest(self, probes=('p',), first=DAY, until=DAY + 1, as_of=None):
        with self.engine.connect() as connection:
            return closed_days.latest(
                connection, probes, first, until, as_of=as_of
            )

    def mark(self, *changes, reason='late', username=''):
        with self.engine.begin() as connection:
            changed_days.mark(connection, changes, 7, reason, username)

    def test_latest_version_counts(self):
        first, second = closed_day(), closed_day(version=2)
        self.insert(first, second)

        self.assertEqual({('p', DAY): second}, self.latest())

    def test_versions_of_a_date_are_found(self):
        first, second = closed_day(), closed_day(version=2)
        self.insert(first, second)

        self.assertEqual({('p', DAY): first}, self.latest(as_of=1999))
        self.assertEqual({('p', DAY): second}, self.latest(as_of=2000))
        self.assertEqual({}, self.latest(as_of=999))

    def test_version_is_never_overwritten(self):
        self.insert(closed_day())

        self.assertRaises(
            (db_exception.DBDuplicateEntry, sa.exc.IntegrityError),
            self.insert,
            closed_day(complete=False),
        )

        self.assertEqual({('p', DAY): closed_day()}, self.latest())

    def test_only_days_and_probes_in_question_are_returned(self):
        days = [
            closed_day(probe, DAY + offset)
            for probe in ('p', 'P', 'p ')
            for offset in range(4)
        ]
        self.insert(*days)

        found = self.latest(['P', 'p '], DAY + 1, DAY + 3)

        expected = [
            ('P', DAY + 1),
            ('P', DAY + 2),
            ('p ', DAY + 1),
            ('p ', DAY + 2),
        ]
        self.assertEqual(expected, sorted(found))

    def test_totals_are_those_of_all_quarter_hours(self):
        clocks = [profile.Clock(0)] * 96
        clocks[3] = profile.Clock.AHEAD
        clocks[90] = profile.Clock.STEP
        edges = [
            edge._replace(uncertain=10 + number)
            for number, edge in enumerate(closed_day().edges)
        ]
        day = closed_day(edges=edges, clocks=clocks)
        self.insert(day)

        with self.engine.connect() as connection:
            found = closed_days.totals(connection, ['p'], DAY, DAY + 1)

        total = found['p', DAY]
        energies = [each.millijoules for each in day.intervals()]
        self.assertEqual(sum(energies), total.millijoules)
        self.assertEqual(closed_days.DAY_MS, total.metered)
        self.assertEqual(
            (10, 106), (total.uncertain_start, total.uncertain_end)
        )
        self.assertEqual(profile.Clock.AHEAD | profile.Clock.STEP, total.clock)

    def test_one_version_is_found(self):
        self.insert(closed_day(), closed_day(version=2))

        with self.engine.connect() as connection:
            found = closed_days.version(connection, 'p', DAY, 1)
            missing = closed_days.version(connection, 'p', DAY, 3)

        self.assertEqual(closed_day(), found)
        self.assertIsNone(missing)

    def test_changed_days_are_those_marked(self):
        self.mark(('p', DAY, DAY + 2), ('q', DAY + 5, DAY + 6))

        with self.engine.connect() as connection:
            found = changed_days.find(connection, ['p', 'q', 'r'])

        self.assertEqual({'p': {DAY, DAY + 1}, 'q': {DAY + 5}}, found)

    def test_operators_reason_replaces_that_of_a_collector(self):
        self.mark(('p', DAY, DAY + 1))
        self.mark(('p', DAY, DAY + 1), reason='void', username='ann')
        self.mark(('p', DAY, DAY + 1))

        table = schema.changed_day
        with self.engine.connect() as connection:
            query = sa.select(table.c.reason, table.c.username)
            self.assertEqual(
                [('void', 'ann')], connection.execute(query).all()
            )

    def test_day_of_a_server_needs_a_few_hundred_bytes(self):
        self.insert(closed_day())

        with self.engine.connect() as connection:
            packed = connection.scalar(sa.select(schema.closed_day.c.packed))

        self.assertLess(len(packed), 450)


class PackingTest(base.BaseTestCase):
    @hypothesis.settings(max_examples=30, deadline=None)
    @hypothesis.given(data=strategies.data())
    def test_days_survive_packing(self, data):
        edges = [
            edge._replace(
                millijoules=data.draw(numbers) if edge.date % 5 else number,
                metered=data.draw(numbers),
                uncertain=data.draw(numbers),
            )
            for number, edge in enumerate(closed_day().edges)
        ]
        edges[0] = edges[0]._replace(millijoules=0, metered=0)
        clocks = data.draw(
            strategies.lists(
                strategies.builds(profile.Clock, strategies.integers(0, 15)),
                min_size=96,
                max_size=96,
            )
        )
        day = closed_day(edges=edges, clocks=clocks)

        unpacked = day_packing.unpack(
            DAY, day_packing.pack(day.edges, day.clocks)
        )

        self.assertEqual((day.edges, day.clocks), unpacked)

    def test_other_bytes_are_rejected(self):
        day = closed_day()
        cut = day_packing.pack(day.edges, day.clocks)[:-5]
        for packed in (b'', b'?', cut):
            self.assertRaises(ValueError, day_packing.unpack, DAY, packed)
