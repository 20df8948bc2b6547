# SPDX-License-Identifier: Apache-2.0


"""Numbers as devices give them become readings, or none."""

import decimal

import hypothesis
from hypothesis import strategies
from oslotest import base

from energy_meter.drivers import _quantity


class NumberTest(base.BaseTestCase):
    def test_numbers_of_every_kind_are_numbers(self):
        for value in (12, 12.0, '12', ' 12 ', decimal.Decimal('12.0')):
            self.assertEqual(12.0, _quantity.number(value), value)

    def test_what_is_unavailable_is_none_and_never_zero(self):
        for value in (
            None,
            '',
            'na',
            'NaN',
            'inf',
            float('nan'),
            float('-inf'),
            10**400,
            True,
            False,
            [],
            [1],
            {},
        ):
            self.assertIsNone(_quantity.number(value), value)


class EnergyScaleTest(base.BaseTestCase):
    def test_energy_becomes_ticks_of_the_step(self):
        reading = _quantity.EnergyScale('kWh', 0.1).reading('p', 5, 12.3)

        self.assertEqual(('p', 5.0, 123), reading[:3])
        self.assertEqual(360_000, reading.counter.joules)

    def test_each_unit_has_its_joules(self):
        energies = {'kWh': 0.002, 'Wh': 2, 'Wmin': 120, 'J': 7200}

        for unit, energy in energies.items():
            reading = _quantity.EnergyScale(unit, 0.001).reading(
                'p', None, energy
            )
            self.assertAlmostEqual(
                7200, reading.ticks * reading.counter.joules, 6, unit
            )

    def test_unavailable_power_leaves_the_energy(self):
        reading = _quantity.EnergyScale('Wh', 1).reading('p', None, 7)

        self.assertIsNone(reading.watts)
        self.assertEqual(7, reading.ticks)

    def test_unavailable_energy_leaves_the_power(self):
        for energy in (None, 'na', -1):
            reading = _quantity.EnergyScale('Wh', 1).reading('p', 60, energy)
            self.assertEqual((60.0, None, None), reading[1:4])

    def test_without_either_there_is_no_reading(self):
        self.assertIsNone(
            _quantity.EnergyScale('Wh', 1).reading('p', 'na', None)
        )

    @hypothesis.given(
        strategies.lists(strategies.floats(0, 1e6), min_size=2),
        strategies.sampled_from([1e-6, 0.001, 0.01, 0.1, 1.0]),
    )
    def test_an_energy_that_grows_makes_ticks_that_never_fall(
        self, energies, step
    ):
        scale = _quantity.EnergyScale('kWh', step)

        ticks = [
            scale.reading('p', None, energy).ticks
            for energy in sorted(energies)
        ]

        self.assertEqual(sorted(ticks), ticks)
        for energy, tick in zip(sorted(energies), ticks, strict=True):
            self.assertLessEqual(
                abs(tick * step - energy), step / 2 + energy * 1e-12
            )
