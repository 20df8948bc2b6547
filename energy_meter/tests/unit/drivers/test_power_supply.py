# SPDX-License-Identifier: Apache-2.0

"""Batteries and UPSes: the power that the machine draws from them."""

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

    def open_error(self, *probes, **options):
        return str(
            self.assertRaises(
                exception.DriverError, self.make, *probes, **options
            )
        )

    def test_discharging_battery_is_read(self):
        self.machine(LAPTOP)

        (reading,) = self.make('laptop').read()

        self.assertEqual(
            ('laptop', 12.5, 11.4, None),
            (reading.probe, reading.watts, reading.volts, reading.amperes),
        )

    def test_power_is_computed_from_voltage_and_current(self):
        self.machine(UPS)

        (reading,) = self.make('rack').read()

        self.assertEqual(
            (18.0, 12.0, 1.5), (reading.watts, reading.volts, reading.amperes)
        )

    def test_sign_of_power_is_ignored(self):
        self.machine(LAPTOP | {'BAT0/power_now': '-12500000'})

        (reading,) = self.make('laptop').read()

        self.assertEqual(12.5, reading.watts)

    def test_battery_that_does_not_discharge_is_omitted(self):
        self.machine(LAPTOP)
        driver = self.make('laptop')

        for status in ('Charging', 'Full', 'Not charging', 'Unknown', ''):
            self.tree.set('BAT0/status', status)
            self.assertEqual([], driver.read())

    def test_battery_without_power_and_current_is_omitted(self):
        self.machine(LAPTOP | {'BAT0/power_now': ''})

        self.assertEqual([], self.make('laptop').read())

    def test_mains_and_battery_of_a_mouse_are_excluded(self):
        self.machine(LAPTOP)

        self.assertEqual(
            'no battery or UPS hidpp_battery_0: this machine has BAT0',
            self.open_error('mouse', supplies=['hidpp_battery_0']),
        )

    def test_one_of_several_is_selected_by_name(self):
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

    def test_several_batteries_for_one_probe_are_an_error(self):
        self.machine(LAPTOP | UPS)

        self.assertIn(
            'power_supply has 2 channels (BAT0, ups), but probes '
            'has places for 1',
            self.open_error('laptop'),
        )

    def test_lists_batteries_and_upses_as_channels(self):
        self.machine(LAPTOP | UPS)

        self.assertEqual(
            ['BAT0', 'ups'],
            [channel.name for channel in self.make().channels()],
        )

    def test_removed_battery_does_not_affect_others(self):
        self.machine(LAPTOP | UPS)
        driver = self.make('battery', 'ups')
        (self.tree.path / 'BAT0/status').unlink()

        self.assertEqual(['ups'], [reading.probe for reading in driver.read()])

    def test_machine_without_batteries_is_an_error(self):
        self.machine({})

        self.assertIn(
            'power_supply has 0 channels (none)', self.open_error('laptop')
        )
