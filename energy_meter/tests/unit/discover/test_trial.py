# SPDX-License-Identifier: Apache-2.0

from unittest import mock

import fixtures
from oslotest import base

from energy_meter import measurement
from energy_meter.agent import once
from energy_meter.discover import section
from energy_meter.discover import trial

COUNTER = measurement.Counter(joules=1e-6, size=1_000_000)


def result(probe='p', error=None, **reading):
    return once.Result(
        'meter',
        'dummy',
        probe,
        'node',
        None if error else measurement.Reading(probe, **reading),
        error,
    )


class TrialTest(base.BaseTestCase):
    def read(self, *rounds):
        """Try a wattmeter that shows this, one round after the other."""
        self.useFixture(fixtures.MockPatchObject(trial, 'PAUSE', 0))
        self.useFixture(
            fixtures.MockPatchObject(
                once, 'read', side_effect=[iter([each]) for each in rounds]
            )
        )
        probes = tuple(each.probe for each in rounds[0])
        return trial.Trial(1.0).attempt(
            'a meter', section.Section('meter', 'dummy', probes), 'exact'
        )

    def counted(self, ticks, at):
        return [result(ticks=ticks, counter=COUNTER, at=at)]

    def watts(self, found):
        return [each.reading.watts for each in found.results]

    def test_power_is_shown(self):
        self.assertEqual([5.0], self.watts(self.read([result(watts=5.0)])))

    def test_a_counter_alone_is_read_twice_to_tell_the_power(self):
        found = self.read(
            self.counted(100_000, 1.0), self.counted(600_000, 3.0)
        )

        self.assertEqual([0.25], self.watts(found))

    def test_a_counter_that_wraps_between(self):
        found = self.read(
            self.counted(900_000, 1.0), self.counted(100_000, 2.0)
        )

        self.assertEqual(
            [0.2], [round(watts, 6) for watts in self.watts(found)]
        )

    def test_a_counter_that_rests_tells_no_power(self):
        found = self.read(self.counted(5, 1.0), self.counted(5, 2.0))

        self.assertEqual([None], self.watts(found))

    def test_nothing_shown_is_no_find(self):
        found = self.read(
            [result('a', 'shows no value'), result('b', 'shows no value')]
        )

        self.assertIsNone(found.section)
        self.assertEqual(('shows no value',), found.remarks)

    def test_outlets_that_show_nothing_are_left_out(self):
        found = self.read(
            [result('a', watts=1.0), result('b', 'shows no value')]
        )

        self.assertEqual(('a', None), found.section.probes)
        self.assertEqual(['a'], [each.probe for each in found.results])
        self.assertEqual(
            ('left out, for it shows no value now: b',), found.remarks
        )

    def test_a_real_driver(self):
        found = trial.Trial(10.0).attempt(
            'a dummy',
            section.Section(
                'meter', 'dummy', ('p',), {'waveform': 'constant'}
            ),
            'exact',
        )

        self.assertEqual(['p'], [each.probe for each in found.results])

    def test_the_section_is_on_no_disk(self):
        with mock.patch('tempfile.NamedTemporaryFile') as made:
            trial.load(section.Section('meter', 'dummy', ('p',)))

        made.assert_not_called()
