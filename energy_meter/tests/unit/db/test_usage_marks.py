# SPDX-License-Identifier: Apache-2.0

"""Vectors of CPU time in the database."""

import random

from energy_meter import cpu_usage
from energy_meter.bus import layouts
from energy_meter.db import engine as db_engine
from energy_meter.db import schema
from energy_meter.db import usage_marks
from energy_meter.tests import usages
from energy_meter.tests.unit.db import base

EMOJI = range(0x1F300, 0x1F500)
REGISTER, OTHER = -(2**63), 2**63 - 1


class UsageMarksTest(base.DatabaseTest):
    """Also run on other databases, by the functional tests."""

    def insert(self, *marks, register=REGISTER):
        with db_engine.writing(self.engine) as connection:
            usage_marks.write(
                connection,
                [usage_marks.Vector(register, *mark) for mark in marks],
                [],
            )

    def update(self, elapsed, usage, register=REGISTER):
        with db_engine.writing(self.engine) as connection:
            usage_marks.write(
                connection,
                [],
                [usage_marks.Vector(register, elapsed, usage)],
            )

    def load(self, start, until, register=REGISTER):
        with self.engine.connect() as connection:
            return usage_marks.load(
                connection, [usage_marks.Window(register, start, until)]
            )

    def elapsed(self, start, until):
        found = self.load(start, until).get(REGISTER, [])
        return [elapsed for elapsed, _ in found]

    def test_layout_with_the_longest_names_is_kept(self):
        # Given as many instances as fit, with names that are hard to compress,
        chosen = random.Random(1)
        instances = tuple(
            cpu_usage.Instance(
                usages.uuid(number),
                *(
                    ''.join(map(chr, chosen.choices(EMOJI, k=length)))
                    for length in (190, 64, 64, 64)
                ),
                1,
                1,
                True,
            )
            for number in range(layouts.MAX_INSTANCES)
        )
        usage = cpu_usage.Usage(
            cpu_usage.Layout(1, 1, None, instances), (0,) * len(instances)
        )

        # when their vector is written,
        self.insert((60_000, usage))

        # then it is loaded as it was.
        self.assertEqual(
            {REGISTER: [(60_000, usage)]}, self.load(60_000, 60_000)
        )

    def test_vectors_are_loaded_as_they_were_written(self):
        # Given a vector with large numbers and names in any script, and
        # another one without instances,
        first = cpu_usage.Usage(
            cpu_usage.Layout(
                128,
                1_048_576,
                123.456,
                (
                    cpu_usage.Instance(
                        usages.uuid(1),
                        'héß "1"',
                        'p',
                        '"é"',
                        'u',
                        4,
                        8192,
                        True,
                    ),
                    cpu_usage.Instance(
                        usages.uuid(2), '数', '', '', '', 1, 1, False
                    ),
                ),
                (
                    cpu_usage.Device('gpu "0"', usages.uuid(1)),
                    cpu_usage.Device('数', None),
                ),
            ),
            (2**53 - 1, 0),
        )
        empty = cpu_usage.Usage(cpu_usage.Layout(1, 1, None, ()), ())

        # when they are written,
        self.insert((60_000, first), (120_000, empty))

        # then they are loaded as they were.
        self.assertEqual(
            {REGISTER: [(60_000, first), (120_000, empty)]},
            self.load(60_000, 120_000),
        )

    def test_window_has_a_neighbor_on_both_sides(self):
        usage = usages.usage(1)
        self.insert(*((elapsed, usage) for elapsed in range(100, 1000, 100)))

        self.assertEqual([200, 300, 400], self.elapsed(250, 350))
        self.assertEqual([200, 300], self.elapsed(200, 300))
        self.assertEqual([100, 200], self.elapsed(0, 150))
        self.assertEqual([900], self.elapsed(950, 2000))
        self.assertEqual(list(range(100, 1000, 100)), self.elapsed(0, 5000))

    def test_only_registers_of_windows_are_loaded(self):
        self.insert((100, usages.usage(1)))
        self.insert((100, usages.usage(2)), register=OTHER)

        self.assertEqual(
            {OTHER: [(100, usages.usage(2))]}, self.load(0, 200, OTHER)
        )

    def test_overlapping_windows_of_a_register_return_a_mark_once(self):
        self.insert((100, usages.usage(1)), (200, usages.usage(2)))

        with self.engine.connect() as connection:
            found = usage_marks.load(
                connection,
                [
                    usage_marks.Window(REGISTER, 0, 150),
                    usage_marks.Window(REGISTER, 150, 300),
                ],
            )

        self.assertEqual(
            [100, 200], [elapsed for elapsed, _ in found[REGISTER]]
        )

    def test_mark_can_be_written_twice(self):
        self.insert((100, usages.usage(1)))
        self.insert((100, usages.usage(1)))

        self.assertEqual([100], self.elapsed(0, 200))

    def test_newest_vector_follows_the_last_mark(self):
        # Given a mark, and newer vectors, the later of which arrives first,
        self.insert((100, usages.usage(1)))
        self.update(300, usages.usage(3))
        self.update(200, usages.usage(2))

        # then the newest one ends the register.
        self.assertEqual(
            {REGISTER: [(100, usages.usage(1)), (300, usages.usage(3))]},
            self.load(0, 1000),
        )

        # But once a mark follows, only marks count.
        self.insert((400, usages.usage(4)))
        self.assertEqual([100, 400], self.elapsed(0, 1000))
        self.assertEqual([100, 400], self.elapsed(150, 350))

    def test_newest_vector_is_not_loaded_behind_a_later_mark(self):
        self.update(300, usages.usage(3))
        self.insert((100, usages.usage(1)), (200, usages.usage(2)))

        self.assertEqual([100, 200], self.elapsed(50, 150))

    def test_layout_is_stored_once(self):
        self.insert((100, usages.usage(1)), (200, usages.usage(2)))
        self.update(300, usages.usage(3))

        with self.engine.connect() as connection:
            self.assertEqual(
                1, len(connection.execute(schema.usage_layout.select()).all())
            )
