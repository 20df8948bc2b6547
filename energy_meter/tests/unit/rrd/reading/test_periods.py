# SPDX-License-Identifier: Apache-2.0

"""Tests of periods: their names, and their windows in the archive."""

import fixtures

from energy_meter import exception
from energy_meter.rrd.reading import periods
from energy_meter.tests.unit.rrd import base


class PeriodTest(base.ArchiveTest):
    def test_name_is_start_and_end(self):
        period = periods.parse('1793491200-1793494800')

        self.assertEqual(3600, period.seconds)
        self.assertEqual(1793494800, period.end)
        self.assertEqual(1793491200, period.start(now=0))

    def test_other_names_are_rejected(self):
        for name in (
            '',
            'century',
            '1793491200',
            '1793491200-1793491200',
            '1793494800-1793491200',
            '0-1793491200',
            '0000000001-1793491200',
            '1793491200-9999999999',
            '1793491200-1793494800-',
            '1793491200-1793494800\n',
            '-1793491200-1793494800',
            '\N{FULLWIDTH DIGIT ONE}793491200-1793494800',
        ):
            self.assertFalse(periods.is_valid(name), name)
            self.assertRaises(exception.PeriodNotFound, periods.parse, name)

    def test_title_has_times_of_local_zone(self):
        self.useFixture(fixtures.EnvironmentVariable('TZ', 'Europe/Paris'))

        # The day of 25 hours at the end of summer time.
        self.assertEqual(
            '2026-10-25 00:00 \N{EN DASH} 2026-10-26 00:00',
            periods.parse('1792879200-1792969200').title(),
        )
        self.assertEqual(
            '2026-10-25 00:00 \N{EN DASH} 01:00',
            periods.parse('1792879200-1792882800').title(),
        )

    def test_zone_without_a_name_is_shown_as_utc(self):
        for name in ('CET-1CEST', '/etc/passwd', '../zone', 'Nowhere/City'):
            self.useFixture(fixtures.EnvironmentVariable('TZ', name))

            self.assertEqual('UTC', str(periods.local_zone()))


class WindowTest(base.ArchiveTest):
    def setUp(self):
        super().setUp()
        self.write(*base.Meter().run(7000))

    def read(self, start, end, probe='node-1'):
        name = f'{base.EPOCH + start}-{base.EPOCH + end}'
        return self.archive().series(name, probe)

    def test_period_is_read_with_the_finest_rows_that_reach_back(self):
        for start, step in ((6990, 1), (6000, 10), (0, 60)):
            series = self.read(start, start + 10)

            self.assertEqual(step, series.step)
            self.assertEqual(base.EPOCH + start // step * step, series.start)

    def test_window_covers_the_period(self):
        series = self.read(3605, 3662, None)

        self.assertEqual(base.EPOCH + 3600, series.start)
        self.assertEqual(base.EPOCH + 3670, series.end)
        self.assertEqual([100.0] * 7, series.watts)

    def test_future_has_no_rows(self):
        series = self.read(6990, 300_000_000)

        self.assertEqual(10, len(series.watts))

    def test_period_that_has_not_begun_has_one_unknown_row(self):
        self.assertEqual([None], self.read(90_000, 93_600).watts)

    def test_figures_of_periods_are_those_of_the_period(self):
        archive = self.archive()

        kwh = [
            archive.figures(f'{start}-{start + 10}')['node-1'].kwh
            for start in (base.EPOCH + 6980, base.EPOCH + 8000)
        ]

        self.assertEqual([1000 / 3.6e6, None], kwh)
