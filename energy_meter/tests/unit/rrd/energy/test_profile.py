# SPDX-License-Identifier: Apache-2.0

"""Tests of the energy of one probe and of several together."""

import hypothesis
from hypothesis import strategies
from oslotest import base as test_base

from energy_meter.rrd.energy import profile
from energy_meter.tests.unit.rrd.energy import base


class ProbeTest(test_base.BaseTestCase):
    def test_intervals_of_all_pages_are_shown(self):
        rows = [base.interval(number) for number in range(4)]
        pages = [
            base.page(base.energy('a', *rows[:3]), next_query='page=2'),
            base.page(base.energy('a', rows[3])),
        ]

        shown = profile.of_probe(pages)

        self.assertEqual(rows, shown.intervals)
        self.assertEqual(3, shown.total.kwh)


class SumTest(test_base.BaseTestCase):
    def test_only_members_count(self):
        page = base.page(
            *(base.energy(probe, base.interval()) for probe in 'abc')
        )

        shown = profile.of_sum([page], {'a', 'c', 'gone'})

        self.assertEqual([2], [row.kwh for row in shown.intervals])
        self.assertEqual(2, shown.total.kwh)

    @hypothesis.given(
        strategies.lists(
            strategies.lists(
                strategies.integers(0, 2**60), min_size=3, max_size=3
            ),
            min_size=1,
            max_size=5,
        )
    )
    @hypothesis.settings(max_examples=100, deadline=None)
    def test_intervals_add_up_to_the_total_exactly(self, rows):
        probes = [
            base.energy(
                str(number),
                *(base.interval(hour, row[hour]) for hour in range(3)),
            )
            for number, row in enumerate(rows)
        ]

        shown = profile.of_sum(
            [base.page(probe) for probe in probes], {'0', '1', '2', '3', '4'}
        )

        self.assertEqual(
            [sum(column) for column in zip(*rows, strict=True)],
            [interval.millijoules for interval in shown.intervals],
        )
        self.assertEqual(sum(map(sum, rows)), shown.total.millijoules)

    def test_probe_counts_from_its_first_energy(self):
        none = {'millijoules': 0, 'coverage': 0.0}
        old = base.energy('old', *(base.interval(hour) for hour in range(3)))
        new = base.energy(
            'new',
            base.interval(0, **none),
            base.interval(1),
            base.interval(2, **none),
        )

        shown = profile.of_sum([base.page(old, new)], {'old', 'new'})

        self.assertEqual(
            [1.0, 1.0, 0.5], [row.coverage for row in shown.intervals]
        )
        self.assertEqual(
            ['measured', 'measured', 'partial'],
            [row.quality for row in shown.intervals],
        )
        self.assertEqual(4 / 5, shown.total.coverage)

    def test_uncertain_energy_makes_the_sum_estimated(self):
        rough = base.interval(uncertain_kwh=0.5, quality='estimated')
        page = base.page(
            base.energy('a', rough), base.energy('b', base.interval())
        )

        (row,) = profile.of_sum([page], {'a', 'b'}).intervals

        self.assertEqual('estimated', row.quality)
        self.assertEqual(0.5, row.uncertain_kwh)

    def test_sum_is_closed_if_all_members_are(self):
        closed, open_row = (
            base.interval(version=3),
            base.interval(state='open', version=None),
        )
        for other, expected in (
            (closed, ('closed', 3)),
            (open_row, ('open', None)),
        ):
            page = base.page(base.energy('a', closed), base.energy('b', other))

            (row,) = profile.of_sum([page], {'a', 'b'}).intervals

            self.assertEqual(expected, (row.state, row.version))

    def test_sum_is_final_until_the_first_open_page(self):
        pages = [
            base.page(base.energy('a', base.interval())),
            base.page(
                base.energy('b', base.interval()),
                final_until=base.START - base.HOUR,
            ),
        ]

        self.assertEqual(
            base.START - base.HOUR, profile.of_sum(pages, 'ab').final_until
        )

        pages.append(base.page(final_until=None))

        self.assertIsNone(profile.of_sum(pages, 'ab').final_until)

    def test_probe_can_continue_on_the_next_page(self):
        rows = [base.interval(hour) for hour in range(3)]
        whole = base.energy('a', *rows)
        pages = [
            base.page(whole._replace(intervals=rows[:1]), next_query='x'),
            base.page(whole._replace(intervals=rows[1:])),
        ]

        shown = profile.of_sum(pages, {'a'})

        self.assertEqual(rows, shown.intervals)
        self.assertEqual(3, shown.total.kwh)

    def test_period_without_members_is_empty(self):
        shown = profile.of_sum([base.page()], set())

        self.assertEqual([], shown.intervals)
        self.assertEqual('missing', shown.total.quality)
