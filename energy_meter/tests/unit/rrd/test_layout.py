# SPDX-License-Identifier: Apache-2.0


"""How files are made."""

from energy_meter import exception
from energy_meter.conf import rrd as rrd_conf
from energy_meter.rrd import files
from energy_meter.rrd import layout
from energy_meter.rrd import series
from energy_meter.tests.unit.rrd import base

DAY = 86_400


def resolutions(*texts):
    return [rrd_conf.ResolutionType()(text) for text in texts]


class LayoutTest(base.ArchiveTest):
    def layout(self):
        return layout.Layout(self.conf.rrd)

    def test_each_period_has_its_resolution(self):
        found = {
            period: self.layout().resolution(seconds).step
            for period, seconds in series.PERIODS.items()
        }
        self.assertEqual(
            {
                'minute': 1,
                'hour': 10,
                'day': 60,
                'week': 300,
                'month': 1800,
                'year': 21_600,
            },
            found,
        )

    def test_period_longer_than_all_archives_has_the_longest(self):
        self.set(archives=resolutions('1s/5m', '1m/2d'))
        self.assertEqual((60, 2 * DAY), self.layout().resolution(7 * DAY))

    def test_peaks_are_kept_from_the_day_on(self):
        found = [
            layout.has_extremes(resolution)
            for resolution in self.conf.rrd.archives
        ]
        self.assertEqual([False, False, True, True, True, True, True], found)

    def test_rows_that_steps_do_not_fill_are_refused(self):
        self.set(step=7)
        error = self.assertRaises(exception.ConfigurationError, self.layout)
        self.assertIn(
            'rows of 1 s can not be made of steps of 7 s', str(error)
        )

    def test_two_archives_of_the_same_rows_are_refused(self):
        self.set(archives=resolutions('1s/5m', '1s/10m'))
        self.assertRaises(exception.ConfigurationError, self.layout)

    def test_file_fits_the_layout_that_it_was_made_with(self):
        path = self.make()
        self.assertTrue(self.layout().fits(files.inspect(path)))

    def test_file_does_not_fit_another_layout(self):
        path = self.make()
        for name, value in (
            ('max_gap', 90.0),
            ('archives', resolutions('1s/10m')),
            ('archives', resolutions('5s/1h')),
        ):
            self.set(**{name: value})
            self.assertFalse(self.layout().fits(files.inspect(path)))
            self.conf.clear_override(name, 'rrd')

    def test_file_has_about_200_kilobytes(self):
        self.assertEqual(208_264, self.make().stat().st_size)

    def make(self):
        self.make_writer()
        path = self.directory / 'node.rrd'
        files.create(path, base.EPOCH, self.layout())
        return path
