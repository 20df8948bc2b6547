# SPDX-License-Identifier: Apache-2.0

"""Tests of stacked bars."""

import datetime
import itertools

from hypothesis import given
from hypothesis import strategies
from oslotest import base

from energy_meter.clients import attributed
from energy_meter.rrd.energy import chart
from energy_meter.rrd.energy import stack

KWH = 3_600_000_000
DAY = datetime.timedelta(days=1)
START = datetime.datetime(2026, 3, 1, tzinfo=datetime.UTC)


def row(number, instances, overhead=1, unallocated=0):
    """Return the row of a day of a host, with energies in mJ."""
    total = instances + overhead + unallocated
    return attributed.HostRow(
        START + number * DAY,
        START + (number + 1) * DAY,
        total / KWH,
        total,
        1.0,
        0.0,
        'attributed',
        'closed',
        1,
        idle=0.0,
        dynamic=total / KWH,
        instances=instances / KWH,
        overhead=overhead / KWH,
        unallocated=unallocated / KWH,
        unattributed=0.0,
        devices=0.0,
    )


def page(rows, instances):
    """Return a page of a host.

    :param instances: energies in mJ by row, by ID.
    """
    total = rows[0]
    host = attributed.Host(
        'h',
        ('node',),
        64,
        1024,
        [],
        total,
        rows,
        [
            attributed.HostInstance(
                uuid, f'name-{uuid}', 'p', 'web', 'u', total, each
            )
            for uuid, each in instances.items()
        ],
    )
    return attributed.Page(
        rows[0].start, rows[-1].end, (), total, [host], None
    )


class StackTest(base.BaseTestCase):
    def test_instance_that_is_missing_on_a_page_has_no_energy_there(self):
        pages = [
            page([row(0, 2 * KWH), row(1, 2 * KWH)], {'a': [2 * KWH] * 2}),
            page([row(2, 3 * KWH)], {'b': [3 * KWH]}),
            page([row(3, KWH)], {'a': [KWH]}),
        ]

        series = {each.title: each.values for each in stack.of_host(pages)}

        self.assertEqual([2.0, 2.0, 0.0, 1.0], series['name-a'])
        self.assertEqual([0.0, 0.0, 3.0, 0.0], series['name-b'])

    @given(
        strategies.lists(
            strategies.lists(
                strategies.integers(0, 10**12), min_size=9, max_size=9
            ),
            min_size=1,
            max_size=5,
        )
    )
    def test_segments_fill_the_bar_of_all_energy(self, energies):
        rows = [row(place, sum(each)) for place, each in enumerate(energies)]
        instances = {
            str(number): [each[number] for each in energies]
            for number in range(9)
        }

        shown = stack.draw(
            rows[0],
            rows,
            stack.of_host([page(rows, instances)]),
            'day',
            datetime.UTC,
        )

        for bar, each in zip(shown.bars, rows, strict=True):
            self.assertAlmostEqual(
                each.kwh, sum(part.kwh for part in bar.segments), places=6
            )
            tops = [chart.BOTTOM, *(part.y for part in bar.segments)]
            for (below, top), part in zip(
                itertools.pairwise(tops), bar.segments, strict=True
            ):
                self.assertAlmostEqual(below - top, part.height, delta=0.02)
            self.assertGreaterEqual(tops[-1], chart.TOP - 0.02)
