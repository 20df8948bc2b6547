# SPDX-License-Identifier: Apache-2.0

"""Reading of several probes: a failure affects only its probe."""

import logging

import fixtures
from oslotest import base

from energy_meter import exception
from energy_meter import measurement
from energy_meter.drivers.common import per_probe

LOG = logging.getLogger(__name__)


def failing(*probes: str):
    def read(probe, watts):
        if probe in probes:
            raise exception.ProtocolError(device=probe, reason='broken')
        return measurement.Reading(probe, watts)

    return read


class AssignTest(base.BaseTestCase):
    def test_probes_have_the_channels_in_order(self):
        self.assertEqual(
            {'a': 1, 'b': 2}, per_probe.assign('units', [1, 2, 3], ['a', 'b'])
        )

    def test_channel_without_probe_is_skipped(self):
        self.assertEqual(
            {'a': 1, 'c': 3},
            per_probe.assign('units', [1, 2, 3], ['a', None, 'c']),
        )

    def test_too_few_channels_are_an_error_with_their_number(self):
        e = self.assertRaises(
            exception.DriverError, per_probe.assign, 'units', [1], ['a', 'b']
        )

        self.assertIn('units names 1 for 2 probes', str(e))


class ProbeReaderTest(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.log = self.useFixture(fixtures.FakeLogger(level=logging.INFO))
        self.reader = per_probe.ProbeReader(LOG)

    def test_failing_probe_is_omitted(self):
        readings = self.reader.read({'a': 1.0, 'b': 2.0}, failing('a'))

        self.assertEqual([measurement.Reading('b', 2.0)], readings)

    def test_probe_without_value_is_omitted_without_warning(self):
        self.assertEqual([], self.reader.read({'a': 1.0}, lambda *_: None))
        self.assertEqual('', self.log.output)

    def test_failure_and_recovery_are_logged_once(self):
        channels = {'a': 1.0, 'b': 2.0}
        for _ in range(5):
            self.reader.read(channels, failing('a'))
        self.reader.read(channels, failing())

        self.assertEqual(
            'probe a: a: broken\nprobe a can be read again\n', self.log.output
        )

    def test_crash_of_one_probe_does_not_affect_others(self):
        # Given a driver with a bug that shows with one value,
        def read(probe, value):
            return measurement.Reading(probe, float(value))

        # when it reads that value among others,
        readings = self.reader.read({'a': '---', 'b': '2'}, read)

        # then the crash costs one probe, and is logged with its type.
        self.assertEqual([measurement.Reading('b', 2.0)], readings)
        self.assertEqual(
            "probe a: ValueError: could not convert string to float: '---'\n",
            self.log.output,
        )

    def test_crash_of_all_probes_is_an_error(self):
        self.assertRaises(
            ZeroDivisionError,
            self.reader.read,
            {'a': 1.0, 'b': 2.0},
            lambda *_: 1 / 0,
        )

    def test_failure_of_all_probes_is_an_error(self):
        e = self.assertRaises(
            exception.ProtocolError,
            self.reader.read,
            {'a': 1.0, 'b': 2.0},
            failing('a', 'b'),
        )

        self.assertEqual('a: broken', str(e))
        self.assertEqual('', self.log.output)

    def test_fatal_error_is_raised_before_other_probes_are_read(self):
        reader = per_probe.ProbeReader(
            LOG, fatal=(exception.DeviceUnreachable,)
        )
        read = []

        def time_out(probe, watts):
            read.append(probe)
            raise exception.DeviceUnreachable(device=probe, reason='timeout')

        self.assertRaises(
            exception.DeviceUnreachable,
            reader.read,
            {'a': 1.0, 'b': 2.0},
            time_out,
        )

        self.assertEqual(['a'], read)

    def test_other_errors_than_fatal_ones_cost_only_their_probe(self):
        reader = per_probe.ProbeReader(
            LOG, fatal=(exception.DeviceUnreachable,)
        )

        readings = reader.read({'a': 1.0, 'b': 2.0}, failing('a'))

        self.assertEqual([measurement.Reading('b', 2.0)], readings)
