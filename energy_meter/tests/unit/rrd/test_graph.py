# SPDX-License-Identifier: Apache-2.0


"""Graphs of an archive."""

import concurrent.futures
import pathlib
import re

import fixtures

from energy_meter import exception
from energy_meter.rrd import graph
from energy_meter.rrd import librrd
from energy_meter.tests.unit.rrd import base

PNG = b'\x89PNG\r\n\x1a\n'


class GraphTest(base.ArchiveTest):
    """A test that sees what rrdtool is told to draw.

    :ivar drawn: the arguments of each drawing.
    """

    def setUp(self):
        super().setUp()
        self.drawn = []
        draw = librrd.draw

        def see(*words):
            self.drawn.append(words)
            return draw(*words)

        self.useFixture(fixtures.MockPatchObject(librrd, 'draw', see))

    def picture(
        self,
        period='minute',
        probe='node-1',
        image_format='png',
        theme='light',
        size='full',
    ):
        return self.graphs().picture(period, probe, image_format, theme, size)

    def graphs(self):
        return graph.Graphs(self.conf, self.archive())

    def legend(self, start):
        """Give the drawn texts that begin so."""
        return [word for word in self.drawn[-1] if word.startswith(start)]

    def write_each(self, *meters, number=10):
        self.write(
            *(
                word
                for place, meter in enumerate(meters)
                for word in meter.run(number, watts=100.0 + place)
            )
        )


class LookTest(GraphTest):
    def setUp(self):
        super().setUp()
        self.write_each(base.Meter(), base.Meter(base.HOSTILE))

    def test_formats(self):
        self.assertTrue(self.picture().content.startswith(PNG))
        self.assertIn(b'<svg', self.picture(image_format='svg').content[:200])

    def test_sizes_are_what_they_say(self):
        for size, (width, height) in graph.SIZES.items():
            content = self.picture(size=size).content
            self.assertEqual(
                (width, height),
                (
                    int.from_bytes(content[16:20]),
                    int.from_bytes(content[20:24]),
                ),
            )

    def test_every_kind_is_another_picture(self):
        contents = {
            self.picture(period, probe, theme=theme, size=size).content
            for period in ('minute', 'hour', 'day')
            for probe in (None, 'node-1')
            for theme in graph.THEMES
            for size in graph.SIZES
        }
        self.assertEqual(24, len(contents))

    def test_every_period_can_be_drawn(self):
        for period in ('minute', 'hour', 'day', 'week', 'month', 'year'):
            for probe in (None, base.HOSTILE):
                self.assertTrue(self.picture(period, probe).content)

    def test_hostile_id_is_drawn_as_it_is(self):
        self.picture(probe=base.HOSTILE)
        title = self.drawn[-1][self.drawn[-1].index('--title') + 1]
        self.assertEqual(
            base.HOSTILE.replace('\\', '\N{SET MINUS}') + ': last minute',
            title,
        )
        self.picture(probe=None)
        band = self.legend('AREA:top1#')[0]
        self.assertIn('x\\:y\'"\N{SET MINUS}n%s', band)

    def test_legend_has_the_figures(self):
        self.set(kwh_price=1000.0, currency='CHF')
        self.picture()
        figures = self.series().figures
        self.assertEqual(
            [
                f'COMMENT:min {figures.minimum:.1f} W   '
                f'avg {figures.average:.1f} W   max {figures.maximum:.1f} W   '
                f'last {figures.last:.1f} W   energy {figures.kwh:.4f} kWh   '
                f'cost {figures.cost:.2f} CHF\\l'
            ],
            self.legend('COMMENT:min'),
        )

    def test_legend_of_the_sum_has_the_figures_of_the_sum(self):
        self.picture(probe=None)
        figures = self.series(probe=None).figures
        self.assertEqual(201.0, figures.average)
        self.assertIn(
            f'avg {figures.average:.1f} W', self.legend('COMMENT:min')[0]
        )
        self.assertIn(
            f'energy {figures.kwh:.4f} kWh', self.legend('COMMENT:min')[0]
        )

    def test_thumbnail_has_no_legend(self):
        self.picture(size='thumbnail')
        self.assertIn('--no-legend', self.drawn[-1])

    def test_axis_begins_at_zero(self):
        self.picture()
        place = self.drawn[-1].index('--lower-limit')
        self.assertEqual('0', self.drawn[-1][place + 1])

    def test_axis_fits_the_data_unless_it_is_told_otherwise(self):
        self.picture()
        self.assertNotIn('--upper-limit', self.drawn[-1])
        self.set(upper_limit=500.0)
        self.picture()
        self.assertIn('500.0', self.drawn[-1])
        self.assertIn('--rigid', self.drawn[-1])

    def test_unknown_time_is_shaded(self):
        self.picture()
        self.assertEqual(1, len(self.legend('AREA:unknown#')))

    def test_nothing_is_shaded_where_all_is_known(self):
        meter = base.Meter('whole')
        self.write(*meter.run(100))
        self.picture(probe='whole')
        self.assertEqual([], self.legend('AREA:unknown#'))

    def test_graph_without_any_data(self):
        self.now += 10**6
        for probe in (None, 'node-1'):
            self.assertTrue(self.picture(probe=probe).content)

    def test_graph_of_a_damaged_file(self):
        (self.directory / 'node-1.rrd').write_bytes(b'')
        self.assertTrue(self.picture().content.startswith(PNG))
        self.assertTrue(self.picture(probe=None).content.startswith(PNG))

    def test_unknown_probe_and_period(self):
        self.assertRaises(exception.UnknownProbe, self.picture, probe='x')
        self.assertRaises(exception.UnknownPeriod, self.picture, 'decade')


class StackTest(GraphTest):
    def colours(self):
        """Give the colour of each band of the newest graph."""
        bands = (
            re.match(r'AREA:top\d+#([0-9a-f]{6}):(\S+)', word)
            for word in self.drawn[-1]
        )
        return {band[2]: band[1] for band in bands if band}

    def test_every_probe_has_a_band(self):
        self.write_each(*(base.Meter(f'n{number}') for number in range(20)))
        self.picture(probe=None)
        self.assertEqual(
            {f'n{number}' for number in range(20)}, set(self.colours())
        )
        self.assertEqual(20, len(set(self.colours().values())))

    def test_small_probes_share_a_band(self):
        self.write_each(*(base.Meter(f'n{number}') for number in range(25)))
        self.picture(probe=None)
        wanted = {f'n{number}' for number in range(5, 25)} | {'5'}
        self.assertEqual(wanted, set(self.colours()))
        others = self.legend('AREA:top20#')[0]
        self.assertIn('5 others', others)
        self.assertIn(f'{sum(range(100, 105)):.1f} W', others)

    def test_colours_stay_when_others_come_and_go(self):
        meters = [base.Meter(f'n{number}') for number in range(6)]
        self.write_each(*meters[:4])
        self.picture(probe=None)
        before = self.colours()
        (self.directory / 'n0.rrd').unlink()
        self.write_each(*meters[1:])
        self.picture(probe=None)
        after = self.colours()
        self.assertEqual({f'n{number}' for number in range(1, 6)}, set(after))
        for probe in ('n1', 'n2', 'n3'):
            self.assertEqual(before[probe], after[probe])

    def test_sum_that_lacks_a_probe_is_shaded_behind(self):
        self.write_each(base.Meter('a'), base.Meter('b'))
        self.picture(probe=None)
        self.assertEqual(1, len(self.legend('AREA:incomplete#')))


class KeepingTest(GraphTest):
    def setUp(self):
        super().setUp()
        self.meter = base.Meter()
        self.write(*self.meter.run(100))

    def test_unchanged_graph_is_not_drawn_again(self):
        first = self.picture()
        self.now += 2
        self.assertEqual(first, self.picture())
        self.assertEqual(1, len(self.drawn))

    def test_graph_is_drawn_again_when_its_data_changed(self):
        first = self.picture()
        self.write(*self.meter.run(5, watts=300))
        second = self.picture()
        self.assertNotEqual(first.tag, second.tag)
        self.assertNotEqual(first.content, second.content)

    def test_graph_of_long_rows_is_not_drawn_again_before_one_is_over(self):
        first = self.picture('day')
        self.write(*self.meter.run(15))
        self.assertEqual(first, self.picture('day'))
        self.write(*self.meter.run(15))
        self.assertNotEqual(first.tag, self.picture('day').tag)
        self.assertEqual(2, len(self.drawn))

    def test_graph_of_a_silent_probe_goes_on(self):
        first = self.picture()
        self.now += 30
        self.assertNotEqual(first.content, self.picture().content)

    def test_late_measurements_change_a_graph(self):
        self.now += 40
        first = self.picture()
        self.write(*self.meter.run(5, watts=300), now=self.now)
        self.assertNotEqual(first.tag, self.picture().tag)

    def test_other_price_is_another_graph(self):
        first = self.picture()
        self.set(kwh_price=0.3)
        self.assertNotEqual(first.tag, self.picture().tag)

    def test_graph_is_drawn_once_however_many_ask(self):
        graphs = self.graphs()
        with concurrent.futures.ThreadPoolExecutor(20) as pool:
            pictures = set(
                pool.map(
                    lambda _: graphs.picture(
                        'minute', None, 'png', 'light', 'full'
                    ),
                    range(20),
                )
            )
        self.assertEqual((1, 1), (len(pictures), len(self.drawn)))

    def test_graph_that_can_not_be_kept_is_drawn_each_time(self):
        directory = pathlib.Path(self.conf.rrd.graph_directory)
        (directory / 'node-1.rrd').touch()
        first = self.picture()
        self.assertEqual(first, self.picture())
        self.assertEqual(2, len(self.drawn))
        self.assertIn('can not be kept', self.log.output)

    def test_directory_of_graphs_may_be_emptied(self):
        self.picture()
        for path in pathlib.Path(self.conf.rrd.graph_directory).rglob('*.png'):
            path.unlink()
        self.picture()
        self.assertEqual(2, len(self.drawn))
