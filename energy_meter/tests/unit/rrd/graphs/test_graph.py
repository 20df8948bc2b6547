# SPDX-License-Identifier: Apache-2.0

"""Tests of graphs."""

import concurrent.futures
import pathlib
import re

import fixtures

from energy_meter import exception
from energy_meter.rrd.files import librrd
from energy_meter.rrd.graphs import graph
from energy_meter.tests.unit.rrd import base

PNG = b'\x89PNG\r\n\x1a\n'


class GraphTest(base.ArchiveTest):
    """A test that records the arguments of rrdtool.

    :ivar drawn: arguments of each graph drawn.
    """

    def setUp(self):
        super().setUp()
        self.drawn = []
        draw = librrd.draw

        def record(*arguments):
            self.drawn.append(arguments)
            return draw(*arguments)

        self.useFixture(fixtures.MockPatchObject(librrd, 'draw', record))

    def image(
        self,
        period='minute',
        probe='node-1',
        image_format='png',
        theme='light',
        size='full',
    ):
        return self.graphs().image(period, probe, image_format, theme, size)

    def graphs(self):
        return graph.Graphs(self.conf, self.archive())

    def drawn_elements(self, prefix):
        """Return the elements of the last graph with this prefix."""
        return [
            argument
            for argument in self.drawn[-1]
            if argument.startswith(prefix)
        ]

    def write_each(self, *meters, count=10):
        self.write(
            *(
                received
                for place, meter in enumerate(meters)
                for received in meter.run(count, watts=100.0 + place)
            )
        )


class StyleTest(GraphTest):
    def setUp(self):
        super().setUp()
        self.write_each(base.Meter(), base.Meter(base.HOSTILE))

    def test_image_has_requested_format(self):
        self.assertTrue(self.image().content.startswith(PNG))
        self.assertIn(b'<svg', self.image(image_format='svg').content[:200])

    def test_image_has_requested_size(self):
        for size, (width, height) in graph.SIZES.items():
            content = self.image(size=size).content
            self.assertEqual(
                (width, height),
                (
                    int.from_bytes(content[16:20]),
                    int.from_bytes(content[20:24]),
                ),
            )

    def test_parameters_give_different_images(self):
        contents = {
            self.image(period, probe, theme=theme, size=size).content
            for period in ('minute', 'hour', 'day')
            for probe in (None, 'node-1')
            for theme in graph.THEMES
            for size in graph.SIZES
        }
        self.assertEqual(36, len(contents))

    def test_every_period_is_drawn(self):
        for period in ('minute', 'hour', 'day', 'week', 'month', 'year'):
            for probe in (None, base.HOSTILE):
                self.assertTrue(self.image(period, probe).content)

    def test_special_characters_in_id_are_escaped(self):
        self.image(probe=base.HOSTILE)
        title = self.drawn[-1][self.drawn[-1].index('--title') + 1]
        self.assertEqual(
            base.HOSTILE.replace('\\', '\N{SET MINUS}') + ': last minute',
            title,
        )
        self.image(probe=None)
        band = self.drawn_elements('AREA:top1#')[0]
        self.assertIn('x\\:y\'"\N{SET MINUS}n%s', band)

    def test_legend_shows_figures(self):
        self.set(kwh_price=1000.0, currency='CHF')
        self.image()
        figures = self.series().figures
        self.assertEqual(
            [
                f'COMMENT:min {figures.minimum:.1f} W   '
                f'avg {figures.average:.1f} W   max {figures.maximum:.1f} W   '
                f'last {figures.last:.1f} W   energy {figures.kwh:.4f} kWh   '
                f'cost {figures.cost:.2f} CHF\\l'
            ],
            self.drawn_elements('COMMENT:min'),
        )

    def test_legend_of_sum_shows_figures_of_sum(self):
        self.image(probe=None)
        figures = self.series(probe=None).figures
        self.assertEqual(201.0, figures.average)
        self.assertIn(
            f'avg {figures.average:.1f} W',
            self.drawn_elements('COMMENT:min')[0],
        )
        self.assertIn(
            f'energy {figures.kwh:.4f} kWh',
            self.drawn_elements('COMMENT:min')[0],
        )

    def test_legend_of_narrow_graph_has_short_rows(self):
        self.set(kwh_price=1000.0)
        self.write_each(*(base.Meter(f'n{number}') for number in range(4)))

        self.image(probe=None, size='narrow')

        rows = [
            element
            for element in self.drawn_elements('COMMENT:')
            if element != 'COMMENT:\\l'
        ]
        self.assertEqual(3, len(rows))
        # A character is 6.6 pixels wide.
        width = max(len(row) for row in rows) - len('COMMENT:\\l')
        self.assertLess(width * 6.6, graph.SIZES['narrow'][0])
        ends = [
            element.endswith('\\l')
            for element in self.drawn_elements('AREA:top')
        ]
        self.assertEqual([False, True] * 3, ends)

    def test_thumbnail_has_no_legend(self):
        self.image(size='thumbnail')
        self.assertIn('--no-legend', self.drawn[-1])

    def test_axis_starts_at_zero(self):
        self.image()
        place = self.drawn[-1].index('--lower-limit')
        self.assertEqual('0', self.drawn[-1][place + 1])

    def test_graph_max_watts_limits_axis(self):
        self.image()
        self.assertNotIn('--upper-limit', self.drawn[-1])
        self.set(graph_max_watts=500.0)
        self.image()
        self.assertIn('500.0', self.drawn[-1])
        self.assertIn('--rigid', self.drawn[-1])

    def test_unknown_period_is_shaded(self):
        self.image()
        self.assertEqual(1, len(self.drawn_elements('AREA:unknown#')))

    def test_known_period_is_not_shaded(self):
        meter = base.Meter('whole')
        self.write(*meter.run(100))
        self.image(probe='whole')
        self.assertEqual([], self.drawn_elements('AREA:unknown#'))

    def test_graph_without_data_is_drawn(self):
        self.now += 10**6
        for probe in (None, 'node-1'):
            self.assertTrue(self.image(probe=probe).content)

    def test_graph_of_corrupt_file_is_drawn(self):
        (self.directory / 'node-1.rrd').write_bytes(b'')
        self.assertTrue(self.image().content.startswith(PNG))
        self.assertTrue(self.image(probe=None).content.startswith(PNG))

    def test_unknown_probe_and_period_are_rejected(self):
        self.assertRaises(exception.ProbeNotFound, self.image, probe='x')
        self.assertRaises(exception.PeriodNotFound, self.image, 'decade')


class StackTest(GraphTest):
    def colors(self):
        """Return the color of each band of the last graph."""
        bands = (
            re.match(r'AREA:top\d+#([0-9a-f]{6}):(\S+)', argument)
            for argument in self.drawn[-1]
        )
        return {band[2]: band[1] for band in bands if band}

    def test_every_probe_has_a_band(self):
        self.write_each(*(base.Meter(f'n{number}') for number in range(20)))
        self.image(probe=None)
        self.assertEqual(
            {f'n{number}' for number in range(20)}, set(self.colors())
        )
        self.assertEqual(20, len(set(self.colors().values())))

    def test_smallest_probes_share_a_band(self):
        self.write_each(*(base.Meter(f'n{number}') for number in range(25)))
        self.image(probe=None)
        expected = {f'n{number}' for number in range(5, 25)} | {'5'}
        self.assertEqual(expected, set(self.colors()))
        others = self.drawn_elements('AREA:top20#')[0]
        self.assertIn('5 others', others)
        self.assertIn(f'{sum(range(100, 105)):.1f} W', others)

    def test_new_probe_is_ranked_at_once(self):
        graphs = self.graphs()
        self.write_each(*(base.Meter(f'n{number}') for number in range(21)))
        graphs.image('minute', None, 'png', 'light', 'full')
        self.write(*base.Meter('new').run(10, watts=500.0))
        graphs.image('minute', None, 'png', 'light', 'full')
        self.assertEqual(
            {'new', '2'} | {f'n{number}' for number in range(2, 21)},
            set(self.colors()),
        )

    def test_colors_stay_when_other_probes_change(self):
        meters = [base.Meter(f'n{number}') for number in range(6)]
        self.write_each(*meters[:4])
        self.image(probe=None)
        before = self.colors()
        (self.directory / 'n0.rrd').unlink()
        self.write_each(*meters[1:])
        self.image(probe=None)
        after = self.colors()
        self.assertEqual({f'n{number}' for number in range(1, 6)}, set(after))
        for probe in ('n1', 'n2', 'n3'):
            self.assertEqual(before[probe], after[probe])

    def test_incomplete_sum_is_shaded(self):
        self.write_each(base.Meter('a'), base.Meter('b'))
        self.image(probe=None)
        self.assertEqual(1, len(self.drawn_elements('AREA:incomplete#')))


class CacheTest(GraphTest):
    def setUp(self):
        super().setUp()
        self.meter = base.Meter()
        self.write(*self.meter.run(100))

    def test_unchanged_graph_is_not_drawn_again(self):
        first = self.image()
        self.now += 2
        self.assertEqual(first, self.image())
        self.assertEqual(1, len(self.drawn))

    def test_changed_data_draws_graph_again(self):
        first = self.image()
        self.write(*self.meter.run(5, watts=300))
        second = self.image()
        self.assertNotEqual(first.tag, second.tag)
        self.assertNotEqual(first.content, second.content)

    def test_incomplete_row_does_not_draw_graph_again(self):
        first = self.image('day')
        self.write(*self.meter.run(15))
        self.assertEqual(first, self.image('day'))
        self.write(*self.meter.run(15))
        self.assertNotEqual(first.tag, self.image('day').tag)
        self.assertEqual(2, len(self.drawn))

    def test_graph_of_stale_probe_advances(self):
        first = self.image()
        self.now += 30
        self.assertNotEqual(first.content, self.image().content)

    def test_late_measurements_change_graph(self):
        self.now += 40
        first = self.image()
        self.write(*self.meter.run(5, watts=300), now=self.now)
        self.assertNotEqual(first.tag, self.image().tag)

    def test_changed_price_changes_graph(self):
        first = self.image()
        self.set(kwh_price=0.3)
        self.assertNotEqual(first.tag, self.image().tag)

    def test_concurrent_requests_draw_graph_once(self):
        graphs = self.graphs()
        with concurrent.futures.ThreadPoolExecutor(20) as pool:
            images = set(
                pool.map(
                    lambda _: graphs.image(
                        'minute', None, 'png', 'light', 'full'
                    ),
                    range(20),
                )
            )
        self.assertEqual((1, 1), (len(images), len(self.drawn)))

    def test_unusable_cache_draws_graph_each_time(self):
        directory = pathlib.Path(self.conf.rrd.graph_directory)
        (directory / 'node-1.rrd').touch()
        first = self.image()
        self.assertEqual(first, self.image())
        self.assertEqual(2, len(self.drawn))
        self.assertIn('Cannot cache a graph', self.log.output)

    def test_emptied_cache_draws_graph_again(self):
        self.image()
        for path in pathlib.Path(self.conf.rrd.graph_directory).rglob('*.png'):
            path.unlink()
        self.image()
        self.assertEqual(2, len(self.drawn))
