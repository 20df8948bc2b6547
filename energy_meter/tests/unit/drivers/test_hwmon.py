# SPDX-License-Identifier: Apache-2.0

"""hwmon: selection of chip and sensors, and their readings."""

import errno
import pathlib
import types
from unittest import mock

import fixtures
from oslotest import base

from energy_meter import exception
from energy_meter.drivers import hwmon
from energy_meter.tests import drivers
from energy_meter.tests import sysfs

RACK_SERVER = {
    'class/hwmon/hwmon0/name': 'coretemp',
    'class/hwmon/hwmon0/temp1_input': '40000',
    'devices/aem.0/name': 'aem2',
    'devices/aem.0/energy1_input': '7000000',
    'devices/aem.0/energy2_input': '9123456',
    'devices/aem.0/power1_average': '210000000',
    'devices/aem.0/power2_average': '250000000',
    'devices/aem.0/power3_average': '1000000',
    'devices/aem.0/power4_average': '400000000',
    'devices/aem.0/power5_average': '400000000',
    'devices/aem.0/power6_average': '200000000',
    'devices/aem.0/power7_average': '200000000',
    'devices/aem.0/power_cap': '400000000',
    'class/hwmon/hwmon4/device': '->../../../devices/aem.0',
}

BOARD = {
    f'class/hwmon/hwmon{number}/{name}': text
    for number, device, label in ((1, '1-0040', 'CPU'), (2, '1-0041', 'GPU'))
    for name, text in {
        'name': 'ina238',
        'device': f'->../../../devices/{device}',
        'power1_input': f'{number}0500000',
        'power1_average': f'{number}0000000',
        'power1_label': label,
        'power10_input': '3000000',
        'power2_input': '2000000',
    }.items()
}

ACPI_METER = {
    'class/hwmon/hwmon0/name': 'power_meter',
    'class/hwmon/hwmon0/power1_average': '182500000',
    'class/hwmon/hwmon0/power1_is_battery': '0',
}

EPYC = {
    f'class/hwmon/hwmon2/{name}': text
    for name, text in {
        'name': 'amd_energy',
        'energy1_input': '1000',
        'energy1_label': 'Ecore000',
        'energy2_input': '2000',
        'energy2_label': 'Ecore001',
        'energy3_input': '9000',
        'energy3_label': 'Esocket0',
    }.items()
}

VAN_GOGH = {
    f'class/hwmon/hwmon2/{name}': text
    for name, text in {
        'name': 'amdgpu',
        'power1_average': '9040000',
        'power1_label': 'slowPPT',
        'power2_average': '9100000',
        'power2_label': 'fastPPT',
    }.items()
}

XE = {
    f'class/hwmon/hwmon2/{name}': text
    for name, text in {
        'name': 'xe',
        'energy1_input': '9000',
        'energy2_input': '7000',
    }.items()
}


class HwmonTest(base.BaseTestCase):
    def machine(self, attributes):
        self.tree = self.useFixture(sysfs.Tree(attributes))
        self.useFixture(
            fixtures.MonkeyPatch(
                'energy_meter.drivers.hwmon.Hwmon.directory',
                self.tree.path / 'class/hwmon',
            )
        )

    def make(self, *probes, **options):
        driver = drivers.make(hwmon.Hwmon, *probes, **options)
        driver.open()
        return driver

    def open_error(self, *probes, **options):
        return str(
            self.assertRaises(
                exception.DriverError, self.make, *probes, **options
            )
        )

    def test_energy_counter_is_preferred(self):
        self.machine(RACK_SERVER)

        (reading,) = self.make(None, 'node', chip='aem2').read()

        self.assertEqual('node', reading.probe)
        self.assertEqual(9123456, reading.ticks)
        self.assertEqual(1e-6, reading.counter.joules_per_tick)
        self.assertIsNone(reading.watts)

    def test_power_is_read_if_energy_is_integrated(self):
        self.machine(RACK_SERVER)

        readings = self.make(
            'dc', 'ac', chip='aem2', energy='integrate'
        ).read()

        self.assertEqual(
            [210.0, 250.0], [reading.watts for reading in readings]
        )

    def test_lists_its_sensors_as_channels(self):
        self.machine(RACK_SERVER)

        for energy, names in (
            ('auto', ['energy1', 'energy2']),
            ('integrate', ['power1', 'power2']),
        ):
            driver = self.make(chip='aem2', energy=energy)
            self.assertEqual(
                names, [channel.name for channel in driver.channels()]
            )

    def test_power_limits_and_auxiliary_readings_are_excluded(self):
        self.machine(RACK_SERVER)

        for sensor in ('power3', 'power7_average', 'power_cap'):
            self.assertEqual(
                f'hwmon chip aem2 has no power or energy sensor {sensor}: '
                f'it has energy1, energy2, power1, power2',
                self.open_error('node', chip='aem2', sensors=[sensor]),
            )

    def test_ambiguous_sensor_is_an_error(self):
        self.machine(RACK_SERVER)

        self.assertIn(
            'hwmon chip aem2 has 2 channels (energy1, energy2)',
            self.open_error('node', chip='aem2'),
        )

    def test_chip_is_found_under_any_number(self):
        self.machine(
            {
                name.replace('hwmon4', 'hwmon7'): text
                for name, text in RACK_SERVER.items()
            }
        )

        (reading,) = self.make('node', chip='aem2', sensors=['energy2']).read()

        self.assertEqual(9123456, reading.ticks)

    def test_sensor_is_selected_by_name_attribute_or_label(self):
        self.machine(BOARD)

        for sensor, watts in (
            ('power1', 10.0),
            ('power10', 3.0),
            ('power1_input', 10.5),
            ('CPU', 10.0),
        ):
            (reading,) = self.make(
                'cpu', chip='ina238', device='1-0040', sensors=[sensor]
            ).read()
            self.assertEqual(watts, reading.watts)

    def test_sensors_are_in_natural_order(self):
        self.machine(BOARD)

        readings = self.make(
            'a', 'b', 'c', chip='ina238', device='1-0041'
        ).read()

        self.assertEqual(
            [20.0, 2.0, 3.0], [reading.watts for reading in readings]
        )

    def test_ambiguous_chip_is_an_error_with_all_chips(self):
        self.machine(BOARD)

        self.assertEqual(
            '2 hwmon chips are named ina238, expected one; chips of this '
            'machine: ina238 at 1-0040, ina238 at 1-0041',
            self.open_error('cpu', chip='ina238'),
        )

    def test_missing_chip_is_an_error_with_all_chips(self):
        self.machine(BOARD)

        self.assertEqual(
            '0 hwmon chips are named ina238 at 1-0050, expected one; chips '
            'of this machine: ina238 at 1-0040, ina238 at 1-0041',
            self.open_error('cpu', chip='ina238', device='1-0050'),
        )

    def test_machine_without_chips_is_an_error(self):
        self.machine({})

        self.assertIn(
            'chips of this machine: none',
            self.open_error('node', chip='power_meter'),
        )

    def test_unknown_power_of_acpi_meter_is_omitted(self):
        self.machine(ACPI_METER)
        driver = self.make('node', chip='power_meter')

        self.assertEqual([182.5], [reading.watts for reading in driver.read()])
        self.tree.set('class/hwmon/hwmon0/power1_average', '4294967295000')
        self.assertEqual([], driver.read())

    def test_battery_is_read_only_if_selected_by_name(self):
        self.machine(
            ACPI_METER | {'class/hwmon/hwmon0/power1_is_battery': '1'}
        )

        self.assertIn(
            'hwmon chip power_meter has 0 channels (none)',
            self.open_error('node', chip='power_meter'),
        )
        (reading,) = self.make(
            'battery', chip='power_meter', sensors=['power1']
        ).read()
        self.assertEqual(182.5, reading.watts)

    def test_energy_is_not_metered_twice(self):
        # Given chips with a counter that includes the others,
        for attributes, chip, part, ticks in (
            (EPYC, 'amd_energy', 'Ecore001', 2000),
            (XE, 'xe', 'energy2', 7000),
        ):
            self.machine(attributes)

            # then only that one is metered by default,
            (whole,) = self.make('a', chip=chip).read()
            self.assertEqual(9000, whole.ticks)

            # and the others can be selected.
            (reading,) = self.make('a', chip=chip, sensors=[part]).read()
            self.assertEqual(ticks, reading.ticks)

    def test_two_averages_of_one_power_are_one_sensor(self):
        self.machine(VAN_GOGH)

        (reading,) = self.make('gpu', chip='amdgpu').read()

        self.assertEqual(9.04, reading.watts)

    def test_part_without_its_whole_is_metered(self):
        self.machine(
            {
                name: text
                for name, text in XE.items()
                if not name.endswith('energy1_input')
            }
        )

        (reading,) = self.make('gpu', chip='xe').read()

        self.assertEqual(7000, reading.ticks)

    def test_scope_is_that_of_the_chip(self):
        for chip, scope in (
            ('aem2', 'node'),
            ('amdgpu', 'gpu'),
            ('amd_energy', 'cpu-package'),
        ):
            self.assertEqual(
                scope,
                hwmon.Hwmon.scope_of(types.SimpleNamespace(chip=chip)),
            )

    def test_failing_sensor_does_not_affect_others(self):
        self.machine(BOARD)
        driver = self.make('a', 'b', 'c', chip='ina238', device='1-0041')

        with self.failing('power2_input', errno.EIO):
            readings = driver.read()

        self.assertEqual(['a', 'c'], [reading.probe for reading in readings])

    def test_disabled_sensor_is_omitted(self):
        self.machine(ACPI_METER)
        driver = self.make('node', chip='power_meter')

        with self.failing('power1_average', errno.ENODATA):
            self.assertEqual([], driver.read())

    def test_failure_of_all_sensors_is_an_error(self):
        self.machine(ACPI_METER)
        driver = self.make('node', chip='power_meter')

        with self.failing('power1_average', errno.ETIMEDOUT):
            error = self.assertRaises(exception.DeviceUnreachable, driver.read)

        self.assertIn('power1_average did not answer: broken', str(error))

    @staticmethod
    def failing(name, number):
        real = pathlib.Path.read_text

        def read_text(path, *args):
            if path.name == name:
                raise OSError(number, 'broken')
            return real(path, *args)

        return mock.patch.object(pathlib.Path, 'read_text', read_text)
