# SPDX-License-Identifier: Apache-2.0

"""hwmon on simulated machines (umockdev), compared with lm-sensors."""

import json

from oslotest import base

from energy_meter import accumulator
from energy_meter import exception
from energy_meter.tests.functional.services import base as services
from energy_meter.tests.functional.services import umockdev

AEM = 'devices/platform/aem.0'


def rack_server(number=3):
    """Return an IBM rack server, with the attributes in the device."""
    return (
        umockdev.device('/devices/platform/coretemp.0', 'platform'),
        umockdev.device(
            '/devices/platform/coretemp.0/hwmon/hwmon1',
            'hwmon',
            {'device': '../../../coretemp.0'},
            name='coretemp',
            temp1_input=40000,
        ),
        umockdev.device(
            f'/{AEM}',
            'platform',
            name='aem2',
            version='2.0',
            energy1_input=7000000,
            energy2_input=9123456000,
            power1_average=210400000,
            power1_average_interval=1000,
            power2_average=250600000,
            power2_average_interval=1000,
            power3_average=12000000,
            power4_average=400000000,
            power5_average=400000000,
            power6_average=200000000,
            power7_average=200000000,
            power_cap=400000000,
            temp1_input=24000,
        ),
        umockdev.device(
            f'/{AEM}/hwmon/hwmon{number}',
            'hwmon',
            {'device': '../../../aem.0'},
        ),
    )


ACPI_METER = (
    umockdev.device('/devices/LNXSYSTM:00/ACPI000D:00', 'acpi'),
    umockdev.device(
        '/devices/LNXSYSTM:00/ACPI000D:00/hwmon/hwmon0',
        'hwmon',
        {'device': '../../../ACPI000D:00'},
        name='power_meter',
        power1_average=182500000,
        power1_is_battery=0,
    ),
)

BOARD = (
    umockdev.device('/devices/platform/i2c-1/1-0040', 'i2c'),
    umockdev.device(
        '/devices/platform/i2c-1/1-0040/hwmon/hwmon2',
        'hwmon',
        {'device': '../../../1-0040'},
        name='ina238',
        power1_input=42125000,
        power1_label='CPU',
        power2_input=3500000,
        energy1_input=5000000,
    ),
)


def amd_cards():
    """Return two graphics cards, and the kernel's names of their chips."""
    for number, (bus, microwatts) in enumerate(
        (('03', 35125000), ('83', 210000000)), 4
    ):
        path = f'/devices/pci0000:00/0000:{bus}:00.0'
        yield umockdev.device(path, 'pci')
        yield umockdev.device(
            f'{path}/hwmon/hwmon{number}',
            'hwmon',
            {'device': f'../../../0000:{bus}:00.0'},
            name='amdgpu',
            power1_average=microwatts,
            power1_cap=250000000,
            power1_label='PPT',
            temp1_input=45000,
        )


ACPI_POWER = 'devices/LNXSYSTM:00/ACPI000D:00/hwmon/hwmon0/power1_average'


class HwmonTest(base.BaseTestCase):
    def machine(self, *devices):
        return self.useFixture(umockdev.Machine(*devices))

    def test_energy_counter_of_an_ibm_server_is_read(self):
        machine = self.machine(*rack_server())
        machine.open('hwmon', 'node', chip='aem2', sensors=['energy2'])

        (reading,) = machine.read()

        self.assertEqual(('node', 9123456000), (reading.probe, reading.ticks))
        self.assertEqual(
            9123.456, reading.ticks * reading.counter.joules_per_tick
        )

    def test_values_equal_those_of_sensors(self):
        services.require('sensors')
        for devices, chip, sensors_name, sensors in (
            (
                rack_server(),
                'aem2',
                'aem2-isa-0000',
                (
                    'power1_average',
                    'power2_average',
                    'energy1_input',
                    'energy2_input',
                ),
            ),
            (
                tuple(amd_cards())[2:],
                'amdgpu',
                'amdgpu-pci-8300',
                ('power1_average',),
            ),
            (
                ACPI_METER,
                'power_meter',
                'power_meter-acpi-0',
                ('power1_average',),
            ),
            (
                BOARD,
                'ina238',
                'ina238-i2c-1-40',
                ('power1_input', 'power2_input', 'energy1_input'),
            ),
        ):
            machine = self.machine(*devices)
            machine.open('hwmon', *sensors, chip=chip, sensors=sensors)

            expected = {}
            for values in json.loads(machine.run('sensors', '-j'))[
                sensors_name
            ].values():
                if isinstance(values, dict):
                    expected |= values
            for reading in machine.read():
                value = (
                    reading.watts
                    if reading.ticks is None
                    else reading.ticks * reading.counter.joules_per_tick
                )
                self.assertEqual(expected[reading.probe], round(value, 3))

    def test_graphics_card_is_selected_by_its_pci_address(self):
        machine = self.machine(*amd_cards())

        for device, watts in (
            ('0000:03:00.0', 35.125),
            ('0000:83:00.0', 210.0),
        ):
            machine.open('hwmon', 'gpu', chip='amdgpu', device=device)
            (reading,) = machine.read()
            self.assertEqual(watts, reading.watts)

        error = self.assertRaises(
            exception.DriverError,
            machine.open,
            'hwmon',
            'gpu',
            chip='amdgpu',
        )
        self.assertIn('2 hwmon chips are named amdgpu', str(error))

    def test_sensor_is_selected_by_label(self):
        machine = self.machine(*BOARD)
        machine.open('hwmon', 'cpu', chip='ina238', sensors=['CPU'])

        (reading,) = machine.read()

        self.assertEqual(42.125, reading.watts)

    def test_chip_is_found_under_any_number(self):
        for number in (3, 7):
            machine = self.machine(*rack_server(number))
            machine.open('hwmon', None, 'node', chip='aem2')

            self.assertEqual(
                [9123456000], [reading.ticks for reading in machine.read()]
            )

    def test_unloaded_module_is_an_error_until_loaded(self):
        machine = self.machine(*ACPI_METER)
        machine.open('hwmon', 'node', chip='power_meter')
        machine.remove(ACPI_POWER)

        error = self.assertRaises(exception.DriverError, machine.read)
        self.assertEqual(
            f'/sys/{ACPI_POWER} did not answer: No such file or directory',
            str(error),
        )

        machine.set(ACPI_POWER, '190000000\n')
        machine.open('hwmon', 'node', chip='power_meter')
        self.assertEqual(
            [190.0], [reading.watts for reading in machine.read()]
        )

    def test_missing_permission_is_an_error(self):
        machine = self.machine(*ACPI_METER)
        machine.open('hwmon', 'node', chip='power_meter')
        machine.forbid(ACPI_POWER)

        error = self.assertRaises(exception.DriverError, machine.read)

        self.assertEqual(
            f'/sys/{ACPI_POWER} did not answer: Permission denied', str(error)
        )

    def test_broken_sensor_is_an_error(self):
        machine = self.machine(*ACPI_METER)
        machine.open('hwmon', 'node', chip='power_meter')
        machine.damage(ACPI_POWER)

        error = self.assertRaises(exception.DriverError, machine.read)

        self.assertEqual(
            f'/sys/{ACPI_POWER} did not answer: Input/output error', str(error)
        )

    def test_broken_sensor_does_not_affect_others(self):
        machine = self.machine(*rack_server())
        machine.open('hwmon', 'dc', 'ac', chip='aem2')
        machine.damage(f'{AEM}/energy1_input')

        self.assertEqual(['ac'], [reading.probe for reading in machine.read()])

    def test_interrupted_read_is_omitted(self):
        machine = self.machine(*ACPI_METER)
        machine.open('hwmon', 'node', chip='power_meter')
        machine.set(ACPI_POWER, '')

        self.assertEqual([], machine.read())

    def test_unknown_power_of_acpi_meter_is_omitted(self):
        machine = self.machine(*ACPI_METER)
        machine.open('hwmon', 'node', chip='power_meter')
        machine.set(ACPI_POWER, '4294967295000\n')

        self.assertEqual([], machine.read())

    def test_reset_of_the_bmc_bills_no_energy(self):
        machine = self.machine(*rack_server())
        machine.open('hwmon', None, 'node', chip='aem2')
        meter = None
        joules = []
        for at, microjoules in enumerate(
            (
                9_000_000_000,
                9_250_000_000,
                1_000_000,
                251_000_000,
                501_000_000,
                751_000_000,
            )
        ):
            machine.set(f'{AEM}/energy2_input', f'{microjoules}\n')
            (reading,) = machine.read()
            meter = meter or accumulator.make_accumulator(
                reading, 'auto', 1000.0, 3.0
            )
            joules.append(meter.add(reading, float(at)).joules)

        # After confirmation, energy is billed from the new start on.
        self.assertEqual([0, 250, 0, 0, 0, 750], list(map(round, joules)))
