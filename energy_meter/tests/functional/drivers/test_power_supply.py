# SPDX-License-Identifier: Apache-2.0

"""Batteries and UPSes of simulated machines (umockdev)."""

from oslotest import base

from energy_meter import exception
from energy_meter.tests.functional.services import umockdev

ACPI = '/devices/LNXSYSTM:00'
BATTERY = 'devices/LNXSYSTM:00/PNP0C0A:00/power_supply/BAT0'

LAPTOP = (
    umockdev.device(
        f'{ACPI}/ACPI0003:00/power_supply/AC',
        'power_supply',
        type='Mains',
        online=0,
    ),
    umockdev.device(
        f'/{BATTERY}',
        'power_supply',
        type='Battery',
        present=1,
        status='Discharging',
        power_now=12500000,
        voltage_now=11400000,
    ),
    umockdev.device(
        '/devices/usb1/power_supply/hidpp_battery_0',
        'power_supply',
        type='Battery',
        scope='Device',
        status='Discharging',
        voltage_now=3900000,
    ),
)

UPS = umockdev.device(
    '/devices/platform/ups/power_supply/ups',
    'power_supply',
    type='UPS',
    status='Discharging',
    current_now=-1500000,
    voltage_now=12000000,
)


class PowerSupplyTest(base.BaseTestCase):
    def machine(self, *devices, probes=('laptop',)):
        machine = self.useFixture(umockdev.Machine(*devices))
        machine.open('power_supply', *probes)
        return machine

    def test_discharging_battery_is_read(self):
        (reading,) = self.machine(*LAPTOP).read()

        self.assertEqual(
            ('laptop', 12.5, 11.4),
            (reading.probe, reading.watts, reading.volts),
        )

    def test_power_of_a_ups_is_computed_from_voltage_and_current(self):
        (reading,) = self.machine(UPS).read()

        self.assertEqual(
            (18.0, 12.0, 1.5), (reading.watts, reading.volts, reading.amperes)
        )

    def test_battery_is_read_only_while_discharging(self):
        machine = self.machine(*LAPTOP)
        counts = []
        for status in (
            'Discharging',
            'Charging',
            'Full',
            'Not charging',
            'Discharging',
        ):
            machine.set(f'{BATTERY}/status', f'{status}\n')
            counts.append(len(machine.read()))

        self.assertEqual([1, 0, 0, 0, 1], counts)

    def test_interrupted_read_is_omitted(self):
        machine = self.machine(*LAPTOP)
        machine.set(f'{BATTERY}/power_now', '')

        self.assertEqual([], machine.read())

    def test_removed_battery_does_not_affect_others(self):
        machine = self.machine(*LAPTOP, UPS, probes=('battery', 'ups'))
        machine.remove('class/power_supply/BAT0')

        self.assertEqual(
            ['ups'], [reading.probe for reading in machine.read()]
        )

    def test_broken_battery_is_an_error(self):
        machine = self.machine(*LAPTOP)
        machine.damage(f'{BATTERY}/power_now')

        error = self.assertRaises(exception.DriverError, machine.read)

        self.assertEqual(
            '/sys/class/power_supply/BAT0/power_now did not '
            'answer: Input/output error',
            str(error),
        )

    def test_missing_permission_is_an_error(self):
        machine = self.machine(*LAPTOP)
        machine.forbid(f'{BATTERY}/status')

        error = self.assertRaises(exception.DriverError, machine.read)

        self.assertIn('Permission denied', str(error))
