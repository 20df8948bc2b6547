# SPDX-License-Identifier: Apache-2.0

"""Conversion of devices' numbers to readings."""

import decimal

import hypothesis
from hypothesis import strategies
from oslotest import base

from energy_meter.drivers.common import units


class NumberTest(base.BaseTestCase):
    def test_accepts_all_types_of_numbers(self):
        for value in (12, 12.0, '12', ' 12 ', decimal.Decimal('12.0')):
            self.assertEqual(12.0, units.number(value), value)

    def test_unavailable_value_is_none_and_not_zero(self):
        for value in (
            None,
            '',
            'na',
            'NaN',
            'inf',
            '1_0',
            float('nan'),
            float('-inf'),
            10**400,
            True,
            False,
            [],
            [1],
            {},
        ):
            self.assertIsNone(units.number(value), value)


class EnergyScaleTest(base.BaseTestCase):
    def test_energy_is_converted_to_ticks_of_the_step(self):
        reading = units.EnergyScale('kWh', 0.1).reading('p', 5, 12.3)

        self.assertEqual(('p', 5.0, 123), reading[:3])
        self.assertEqual(360_000, reading.counter.joules_per_tick)

    def test_each_unit_is_converted_to_joules(self):
        energies = {'kWh': 0.002, 'Wh': 2, 'Wmin': 120, 'J': 7200}

        for unit, energy in energies.items():
            reading = units.EnergyScale(unit, 0.001).reading('p', None, energy)
            self.assertAlmostEqual(
                7200, reading.ticks * reading.counter.joules_per_tick, 6, unit
            )

    def test_unavailable_power_keeps_the_energy(self):
        reading = units.EnergyScale('Wh', 1).reading('p', None, 7)

        self.assertIsNone(reading.watts)
        self.assertEqual(7, reading.ticks)

    def test_unavailable_energy_keeps_the_power(self):
        for energy in (None, 'na', -1):
            reading = units.EnergyScale('Wh', 1).reading('p', 60, energy)
            self.assertEqual((60.0, None, None), reading[1:4])

    def test_without_power_and_energy_there_is_no_reading(self):
        self.assertIsNone(units.EnergyScale('Wh', 1).reading('p', 'na', None))

    @hypothesis.given(
        strategies.lists(strategies.floats(0, 1e6), min_size=2),
        strategies.sampled_from([1e-6, 0.001, 0.01, 0.1, 1.0]),
    )
    def test_ticks_of_increasing_energies_never_decrease(self, energies, step):
        scale = units.EnergyScale('kWh', step)

        ticks = [
            scale.reading('p', None, energy).ticks
            for energy in sorted(energies)
        ]

        self.assertEqual(sorted(ticks), ticks)
        for energy, tick in zip(sorted(energies), ticks, strict=True):
            self.assertLessEqual(
                abs(tick * step - energy), step / 2 + energy * 1e-12
            )

    def test_power_is_converted_to_watts(self):
        for unit, value in (
            ('kW', '0.1825'),
            ('W', 182.5),
            ('mW', 182_500),
            ('uW', 182_500_000),
        ):
            scale = units.EnergyScale('J', 1, unit)

            reading = scale.reading('p', value, None)

            self.assertAlmostEqual(182.5, reading.watts, msg=unit)
        self.assertIsNone(scale.reading('p', 'nan', 7).watts)
