# SPDX-License-Identifier: Apache-2.0

"""Tests of testing sections with their drivers."""

from unittest import mock

import fixtures
from oslotest import base

from energy_meter import measurement
from energy_meter.agent import oneshot
from energy_meter.discover import section
from energy_meter.discover import section_tester

COUNTER = measurement.Counter(joules_per_tick=1e-6, rollover=1_000_000)


def result(probe='p', error=None, **reading):
    return oneshot.Result(
        'meter',
        'dummy',
        probe,
        'node',
        None if error else measurement.Reading(probe, **reading),
        error,
    )


class SectionTesterTest(base.BaseTestCase):
    def read(self, *rounds):
        """Test a wattmeter with these results of consecutive readings."""
        self.useFixture(
            fixtures.MockPatchObject(section_tester, 'READING_INTERVAL_S', 0)
        )
        self.useFixture(
            fixtures.MockPatchObject(
                oneshot, 'read', side_effect=[iter([each]) for each in rounds]
            )
        )
        probes = tuple(each.probe for each in rounds[0])
        return section_tester.SectionTester(1.0).test(
            'a meter', section.Section('meter', 'dummy', probes), 'exact'
        )

    def counted(self, ticks, monotonic):
        return [result(ticks=ticks, counter=COUNTER, monotonic=monotonic)]

    def watts(self, tested):
        return [each.reading.watts for each in tested.results]

    def test_power_is_reported(self):
        self.assertEqual([5.0], self.watts(self.read([result(watts=5.0)])))

    def test_power_is_computed_from_counter(self):
        tested = self.read(
            self.counted(100_000, 1.0), self.counted(600_000, 3.0)
        )

        self.assertEqual([0.25], self.watts(tested))

    def test_power_is_computed_across_rollover(self):
        tested = self.read(
            self.counted(900_000, 1.0), self.counted(100_000, 2.0)
        )

        self.assertEqual(
            [0.2], [round(watts, 6) for watts in self.watts(tested)]
        )

    def test_constant_counter_yields_no_power(self):
        tested = self.read(self.counted(5, 1.0), self.counted(5, 2.0))

        self.assertEqual([None], self.watts(tested))

    def test_no_values_yield_no_section(self):
        tested = self.read([result('a', 'no value'), result('b', 'no value')])

        self.assertIsNone(tested.section)
        self.assertEqual(('no value',), tested.remarks)

    def test_channels_without_value_are_omitted(self):
        tested = self.read([result('a', watts=1.0), result('b', 'no value')])

        self.assertEqual(('a', None), tested.section.probes)
        self.assertEqual(['a'], [each.probe for each in tested.results])
        self.assertEqual(
            ('omitted, because they have no value now: b',), tested.remarks
        )

    def test_invalid_section_yields_remark(self):
        tested = section_tester.SectionTester(1.0).test(
            'a meter', section.Section('a\nb', 'dummy', ('p',)), 'exact'
        )

        self.assertIsNone(tested.section)
        self.assertIn('contains control characters', tested.remarks[0])

    def test_dummy_driver_is_read(self):
        tested = section_tester.SectionTester(10.0).test(
            'a dummy',
            section.Section(
                'meter', 'dummy', ('p',), {'waveform': 'constant'}
            ),
            'exact',
        )

        self.assertEqual(['p'], [each.probe for each in tested.results])

    def test_section_is_not_written_to_disk(self):
        with mock.patch('tempfile.NamedTemporaryFile') as temporary_file:
            section_tester.load(section.Section('meter', 'dummy', ('p',)))

        temporary_file.assert_not_called()
