# SPDX-License-Identifier: Apache-2.0


"""One probe's failure costs only that probe."""

import logging

import fixtures
from oslotest import base

from energy_meter import exception
from energy_meter import measurement
from energy_meter.drivers import _probewise

LOG = logging.getLogger(__name__)


def failing(*probes: str):
    def read(probe, outlet):
        if probe in probes:
            raise exception.ProtocolError(device=probe, reason='broken')
        return measurement.Reading(probe, outlet)

    return read


class AssignTest(base.BaseTestCase):
    def test_probes_get_the_outlets_in_their_order(self):
        self.assertEqual(
            {'a': 1, 'b': 2}, _probewise.assign('units', [1, 2, 3], ['a', 'b'])
        )

    def test_an_outlet_that_is_left_out_has_no_probe(self):
        self.assertEqual(
            {'a': 1, 'c': 3},
            _probewise.assign('units', [1, 2, 3], ['a', None, 'c']),
        )

    def test_too_few_outlets_are_an_error_that_counts_them(self):
        e = self.assertRaises(
            exception.DriverError, _probewise.assign, 'units', [1], ['a', 'b']
        )

        self.assertIn('units names 1 for 2 probes', str(e))


class ProbewiseTest(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.log = self.useFixture(fixtures.FakeLogger(level=logging.INFO))
        self.probewise = _probewise.Probewise(LOG)

    def test_a_failing_probe_is_left_out(self):
        readings = self.probewise.read({'a': 1.0, 'b': 2.0}, failing('a'))

        self.assertEqual([measurement.Reading('b', 2.0)], readings)

    def test_a_probe_without_a_value_is_left_out_silently(self):
        self.assertEqual([], self.probewise.read({'a': 1.0}, lambda *_: None))
        self.assertEqual('', self.log.output)

    def test_the_failure_is_logged_once_and_so_is_its_end(self):
        outlets = {'a': 1.0, 'b': 2.0}
        for _ in range(5):
            self.probewise.read(outlets, failing('a'))
        self.probewise.read(outlets, failing())

        self.assertEqual(
            'probe a: a: broken\nprobe a can be read again\n', self.log.output
        )

    def test_if_all_fail_the_wattmeter_fails_and_says_why(self):
        e = self.assertRaises(
            exception.ProtocolError,
            self.probewise.read,
            {'a': 1.0, 'b': 2.0},
            failing('a', 'b'),
        )

        self.assertEqual('a: broken', str(e))
        self.assertEqual('', self.log.output)
