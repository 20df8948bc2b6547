# SPDX-License-Identifier: Apache-2.0

"""Options of the RRD plugin."""

from oslotest import base

from energy_meter import conf as energy_meter_conf
from energy_meter.conf import rrd


class ResolutionTest(base.BaseTestCase):
    def test_units_are_converted(self):
        for text, step, span in (
            ('1s/5m', 1, 300),
            ('10s/1h', 10, 3600),
            ('6h/366d', 21_600, 31_622_400),
        ):
            self.assertEqual(
                rrd.Resolution(step, span), rrd.ResolutionType()(text)
            )

    def test_invalid_text_is_rejected(self):
        for text in (
            '',
            '1s',
            '1s/',
            '/1h',
            '0s/1h',
            '1/60',
            '7s/1m',
            '1s/1w',
            '-1s/1h',
            '1s/1h/1d',
        ):
            self.assertRaises(ValueError, rrd.ResolutionType(), text)

    def test_default_archives_are_parsed(self):
        conf = energy_meter_conf.load([], 'test', files=[])
        self.assertEqual(
            [
                (1, 300),
                (10, 3600),
                (60, 86_400),
                (300, 604_800),
                (1800, 2_678_400),
                (21_600, 31_622_400),
                (86_400, 158_112_000),
            ],
            conf.rrd.archives,
        )
