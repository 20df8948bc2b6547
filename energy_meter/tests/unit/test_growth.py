# SPDX-License-Identifier: Apache-2.0

"""What sites need follows from the figures of the benchmark of growth."""

import pathlib
from xml.etree import ElementTree

import fixtures
from hypothesis import given
from hypothesis import strategies
from oslotest import base

from benchmarks.growth import chart
from benchmarks.growth import figures
from benchmarks.growth import report
from benchmarks.growth import sites

LOAD = figures.Load(
    probes=10_000,
    interval=1.0,
    agents=1,
    agent_us=15.0,
    collector_us=20.0,
    postgresql_us=10.0,
    rabbitmq_us=5.0,
    percent=50.0,
    busiest=20.0,
    agent_mib=150.0,
    collector_mib=150.0,
    age_s=2.0,
    late_s=1.0,
    coalesced=0,
    wal_bytes=200.0,
    hot_updates=99.0,
    hot_mib=10.0,
    connections=3,
)
SLOW = LOAD._replace(probes=100_000, interval=10.0, agents=10, agent_us=30.0)
FULL = LOAD._replace(probes=40_000, collector_us=25.0, age_s=4.5)


def make(*loads: figures.Load) -> figures.Figures:
    return figures.Figures(
        {'cores': 2, 'processor': 'CPU', 'system': 'OS', 'python': '3'}
        | {'load': 0.0},
        list(loads),
        [FULL],
        [figures.Requests(10_000, 5.0, 1.0, 80.0, 700.0, 200.0)],
        [figures.Points(10_000, 100_000.0, 7000.0, 160.0)],
        [figures.Storage(1000, 3.0, 600.0, 110.0)],
    )


class SiteTest(base.BaseTestCase):
    def test_costs_grow_with_the_measurements(self):
        found = make(LOAD)

        site = sites.site(found, 20_000, 1.0)

        self.assertAlmostEqual(0.3, site.agent_cores)
        self.assertAlmostEqual(0.4, site.collector_cores)
        # With three nodes of RabbitMQ, 0.1 cores each.
        self.assertAlmostEqual(1.2, site.cores)
        self.assertAlmostEqual(0.2, site.rrd_cores)
        self.assertAlmostEqual(60.0, site.closing_s)

    def test_the_most_similar_load_counts(self):
        found = make(LOAD, SLOW)

        self.assertEqual(LOAD, sites.site(found, 200_000, 1.0).load)
        self.assertEqual(SLOW, sites.site(found, 200_000, 10.0).load)

    def test_a_load_that_waited_does_not_count(self):
        self.assertEqual(LOAD, sites.site(make(LOAD), 40_000, 1.0).load)

    def test_agents_have_a_maximum_of_probes(self):
        self.assertEqual(20, sites.site(make(LOAD), 200_000, 10.0).agents)

    def test_one_collector_more_than_needed_is_a_reserve(self):
        found = make(LOAD)

        self.assertEqual(2, sites.site(found, 1000, 1.0).collectors)
        self.assertEqual(9, sites.site(found, 200_000, 1.0).collectors)

    @given(strategies.floats(0.001, 1000.0))
    def test_processes_use_at_most_half_of_a_core(self, cores):
        count = sites.processes(cores)

        self.assertLessEqual(cores, sites.LOAD * count)
        self.assertGreater(max(cores, sites.LOAD), sites.LOAD * (count - 1))


class FullTest(base.BaseTestCase):
    def test_a_machine_is_full_if_something_waits(self):
        waiting = (
            {'busiest': 100.0},
            {'age_s': 4.1},
            {'late_s': 4.1},
            {'coalesced': 1},
        )

        self.assertFalse(LOAD.waits)
        for values in waiting:
            self.assertTrue(LOAD._replace(**values).waits, values)

    def test_the_report_names_both_sizes(self):
        found = make(LOAD)
        found.full.append(LOAD._replace(probes=32_000))

        self.assertEqual(
            'With 2 cores, one machine is full at 40,000 probes at 1 Hz; '
            'nothing waits with 32,000.',
            report.capacity(found),
        )


class FiguresTest(base.BaseTestCase):
    def test_what_is_written_is_read(self):
        path = pathlib.Path(self.useFixture(fixtures.TempDir()).path, 'json')
        found = make(LOAD, SLOW)

        figures.write(path, found)

        self.assertEqual(found, figures.read(path))


class ChartTest(base.BaseTestCase):
    def test_each_power_of_ten_takes_the_same_place(self):
        axis = chart.axis([200, 90_000], 0.0, 300.0)

        self.assertEqual(
            [(0, '100'), (100, '1,000'), (200, '10,000'), (300, '100,000')],
            [(round(place), text) for place, text in axis.ticks()],
        )

    def test_it_shows_names_and_units(self):
        root = ElementTree.fromstring(chart.draw(make(LOAD, SLOW)))

        texts = {each.text for each in root.iter() if each.text}
        self.assertLessEqual(
            {
                'CPU time of a measurement, µs',
                'CPU time of a request for all probes, ms',
                'probes',
                'collector',
                'list, with ETag',
            },
            texts,
        )

    def test_a_time_too_short_to_be_counted_has_no_dot(self):
        def dots(found):
            return chart.draw(found).count('<circle')

        found = make(LOAD, SLOW)
        shorter = make(LOAD, SLOW._replace(rabbitmq_us=0.0))

        self.assertEqual(dots(found) - 1, dots(shorter))
