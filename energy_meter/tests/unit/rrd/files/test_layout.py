# SPDX-License-Identifier: Apache-2.0

"""Tests of the layout of RRD files."""

import os

from energy_meter import exception
from energy_meter.conf import rrd as rrd_conf
from energy_meter.rrd.files import layout
from energy_meter.rrd.files import rrdfile
from energy_meter.rrd.reading import periods
from energy_meter.tests.unit.rrd import base

DAY = 86_400


def resolutions(*texts):
    return [rrd_conf.ResolutionType()(text) for text in texts]


class LayoutTest(base.ArchiveTest):
    def layout(self):
        return layout.Layout(self.conf.rrd)

    def test_each_period_has_finest_resolution(self):
        steps = {
            period: self.layout().resolution(seconds).step
            for period, seconds in periods.NAMED.items()
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
            steps,
        )

    def test_period_beyond_all_archives_has_longest(self):
        self.set(archives=resolutions('1s/5m', '1m/2d'))
        self.assertEqual((60, 2 * DAY), self.layout().resolution(7 * DAY))

    def test_extremes_are_kept_from_one_day_on(self):
        has_extremes = [
            layout.has_extremes(resolution)
            for resolution in self.conf.rrd.archives
        ]
        self.assertEqual(
            [False, False, True, True, True, True, True], has_extremes
        )

    def test_rows_not_a_multiple_of_step_are_rejected(self):
        self.set(step=7)
        error = self.assertRaises(exception.ConfigurationError, self.layout)
        self.assertIn(
            'rows of 1 s are not a multiple of step (7 s)', str(error)
        )

    def test_two_archives_with_same_rows_are_rejected(self):
        self.set(archives=resolutions('1s/5m', '1s/10m'))
        self.assertRaises(exception.ConfigurationError, self.layout)

    def test_new_file_fits_layout(self):
        path = self.create()
        self.assertTrue(self.layout().fits(rrdfile.inspect(path)))

    def test_file_does_not_fit_changed_layout(self):
        path = self.create()
        for name, value in (
            ('max_gap', 90.0),
            ('archives', resolutions('1s/10m')),
            ('archives', resolutions('5s/1h')),
        ):
            self.set(**{name: value})
            self.assertFalse(self.layout().fits(rrdfile.inspect(path)))
            self.conf.clear_override(name, 'rrd')

    def test_file_has_documented_size(self):
        self.assertEqual(208_264, self.create().stat().st_size)

    def test_umask_applies_to_a_new_file(self):
        self.addCleanup(os.umask, os.umask(0o027))

        path = self.create()

        self.assertEqual(0o640, path.stat().st_mode & 0o777)

    def create(self):
        self.make_writer()
        path = self.directory / 'node.rrd'
        rrdfile.create(path, base.EPOCH, self.layout())
        return path
