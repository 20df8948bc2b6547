# SPDX-License-Identifier: Apache-2.0

"""Batteries: only what the machine draws from them is its power."""

import fixtures
from oslotest import base

from energy_meter import exception
from energy_meter.drivers import power_supply
from energy_meter.tests import drivers
from energy_meter.tests import sysfs

LAPTOP = {
    'AC/type': 'Mains',
    'AC/online': '0',
    'BAT0/type': 'Battery',
    'BAT0/status': 'Discharging',
    'BAT0/power_now': '12500000',
    'BAT0/voltage_now': '11400000',
    'hidpp_battery_0/type': 'Battery',
    'hidpp_battery_0/scope': 'Device',
    'hidpp_battery_0/status': 'Discharging',
    'hidpp_battery_0/voltage_now': '3900000',
}

UPS = {
    'ups/type': 'UPS',
    'ups/scope': 'System',
    'ups/status': 'Discharging',
    'ups/current_now': '-1500000',
    'ups/voltage_now': '12000000',
}


class PowerSupplyTest(base.BaseTestCase):
    def machine(self, attributes):
        self.tree = self.useFixture(sysfs.Tree(attributes))
        self.useFixture(
            fixtures.MonkeyPatch(
                'energy_meter.drivers.power_supply.PowerSupply.directory',
                self.tree.path,
            )
        )

    def make(self, *probes, **options):
        driver = drivers.make(power_supply.PowerSupply, *probes, **options)
        driver.open()
        return driver

    def refusal(self, *probes, **options):
        return str(
            self.assertRaises(
                exception.DriverError, self.make, *probes, **options
            )
        )

    def test_a_battery_that_discharges_feeds_the_machine(self):
        self.machine(LAPTOP)

        (reading,) = self.make('laptop').read()

        self.assertEqual(
            ('laptop', 12.5, 11.4, None),
            (reading.probe, reading.watts, reading.volts, reading.amperes),
        )

    def test_power_may_be_known_by_voltage_and_current_only(self):
        self.machine(UPS)

        (reading,) = self.make('rack').read()

        self.assertEqual(
            (18.0, 12.0, 1.5), (reading.watts, reading.volts, reading.amperes)
        )

    def test_the_sign_of_power_means_nothing(self):
        self.machine(LAPTOP | {'BAT0/power_now': '-12500000'})

        (reading,) = self.make('laptop').read()

        self.assertEqual(12.5, reading.watts)

    def test_a_battery_that_does_not_discharge_says_nothing(self):
        self.machine(LAPTOP)
        driver = self.make('laptop')

        for status in ('Charging', 'Full', 'Not charging', 'Unknown', ''):
            self.tree.set('BAT0/status', status)
            self.assertEqual([], driver.read())

    def test_a_battery_without_power_and_current_says_nothing(self):
        self.machine(LAPTOP | {'BAT0/power_now': ''})

        self.assertEqual([], self.make('laptop').read())

    def test_batteries_of_a_mouse_and_mains_are_not_the_machines(self):
        self.machine(LAPTOP)

        self.assertEqual(
            'no battery or UPS hidpp_battery_0: this machine has BAT0',
            self.refusal('mouse', supplies=['hidpp_battery_0']),
        )

    def test_one_of_several_can_be_named(self):
        self.machine(
            LAPTOP
            | {
                name.replace('BAT0', 'BAT1'): text
                for name, text in LAPTOP.items()
            }
            | {'BAT1/power_now': '3000000'}
        )

        (reading,) = self.make('bay', supplies=['BAT1']).read()

        self.assertEqual(3.0, reading.watts)

    def test_none_of_several_is_left_out_silently(self):
        self.machine(LAPTOP | UPS)

        self.assertIn(
            'power_supply has 2 outlets (BAT0, ups), but probes '
            'has places for 1',
            self.refusal('laptop'),
        )

    def test_batteries_are_listed_for_whoever_names_no_probes(self):
        self.machine(LAPTOP | UPS)

        self.assertEqual(
            ['BAT0', 'ups'], [each.name for each in self.make().outlets()]
        )

    def test_a_battery_that_was_taken_out_costs_only_itself(self):
        self.machine(LAPTOP | UPS)
        driver = self.make('battery', 'ups')
        (self.tree.path / 'BAT0/status').unlink()

        self.assertEqual(['ups'], [each.probe for each in driver.read()])

    def test_a_machine_without_any_is_told_so(self):
        self.machine({})

        self.assertIn(
            'power_supply has 0 outlets (none)', self.refusal('laptop')
        )
