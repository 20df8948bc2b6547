# SPDX-License-Identifier: Apache-2.0

"""Validation of readings, and its explanations for the operator."""

import math

from oslotest import base

from energy_meter import measurement
from energy_meter.agent import validation

COUNTER = measurement.Counter(joules_per_tick=1.0)
MAX_WATTS = 500.0


class CheckTest(base.BaseTestCase):
    def check(self, **values):
        return validation.check(measurement.Reading('p', **values), MAX_WATTS)

    def test_valid_readings_are_accepted(self):
        for values in (
            {'watts': 0.0},
            {'watts': MAX_WATTS},
            {'ticks': 0, 'counter': COUNTER},
            {'watts': 1.0, 'volts': 230.0, 'amperes': 0.0},
        ):
            self.assertIsNone(self.check(**values))

    def test_values_that_are_not_finite_are_rejected(self):
        for name in ('watts', 'volts', 'amperes', 'monotonic'):
            for value in (math.nan, math.inf, -math.inf):
                values = {'watts': 1.0, name: value}
                self.assertEqual('not_finite', self.check(**values), name)

    def test_negative_values_are_rejected(self):
        # A consumer would reject the whole message because of one of these.
        for name in ('watts', 'volts', 'amperes', 'ticks'):
            values = {'watts': 1.0, name: -1}
            self.assertEqual('negative', self.check(**values), name)

    def test_power_above_max_watts_is_rejected(self):
        self.assertEqual('out_of_range', self.check(watts=MAX_WATTS + 0.1))

    def test_reading_without_power_and_energy_is_rejected(self):
        self.assertEqual('empty', self.check(volts=230.0))


class ValidateTest(base.BaseTestCase):
    def validate(self, energy='auto', **values):
        return validation.validate(
            measurement.Reading('p', **values), MAX_WATTS, energy
        )

    def test_reading_with_the_required_value_is_accepted(self):
        both = {'watts': 1.0, 'ticks': 1, 'counter': COUNTER}
        for energy, values in (
            ('auto', {'watts': 1.0}),
            ('auto', {'ticks': 1, 'counter': COUNTER}),
            ('counter', {'ticks': 1, 'counter': COUNTER}),
            ('integrate', {'watts': 1.0}),
            ('counter', both),
            ('integrate', both),
        ):
            self.assertIsNone(
                self.validate(energy, **values), (energy, values)
            )

    def test_text_of_rejected_reading_names_reason_and_values(self):
        for values, text in (
            ({}, 'neither power nor energy'),
            ({'watts': float('nan')}, 'not a finite number (nan W)'),
            ({'watts': -3.0, 'volts': 230.0}, 'negative (-3 W, 230 V)'),
            ({'watts': 900.0}, 'more than max_watts = 500 (900 W)'),
        ):
            violation = self.validate(**values)
            self.assertTrue(violation.rejected, text)
            self.assertTrue(violation.text.startswith('reading rejected: '))
            self.assertTrue(violation.text.endswith(text), violation.text)

    def test_power_without_required_counter_is_not_billed(self):
        violation = self.validate('counter', watts=1.0)

        self.assertEqual(
            ('no_counter', False), (violation.reason, violation.rejected)
        )
        self.assertIn('the reading has no energy counter', violation.text)

    def test_counter_without_required_power_is_not_billed(self):
        violation = self.validate('integrate', ticks=1, counter=COUNTER)

        self.assertEqual(
            ('no_power', False), (violation.reason, violation.rejected)
        )
        self.assertIn('the reading has no power', violation.text)
