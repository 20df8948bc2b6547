# SPDX-License-Identifier: Apache-2.0

"""Tests of the IPMI driver's choice of sources."""

import typing
from unittest import mock

from oslotest import base

from energy_meter import exception
from energy_meter import measurement
from energy_meter.drivers.ipmi import driver as ipmi_driver
from energy_meter.drivers.ipmi import parts
from energy_meter.drivers.ipmi import session as ipmi_session
from energy_meter.tests import drivers
from energy_meter.tests.unit.drivers.ipmi import stub
from energy_meter.tests.unit.drivers.ipmi import test_sources as commands


class FakeSensor:
    """Watts sensor with a fixed value or error."""

    def __init__(
        self, name: str, watts: float | exception.DriverError | None
    ) -> None:
        self.name = name
        self.watts = watts
        self.is_part = parts.is_part(0x07, name)
        self.readings = 0

    def read(self) -> float | None:
        self.readings += 1
        if isinstance(self.watts, exception.DriverError):
            raise self.watts
        return self.watts


def failure(code: int) -> ipmi_session.CommandFailed:
    return ipmi_session.CommandFailed(
        device='BMC bmc port 623', code=code, reason=f'{code:#04x}'
    )


class IPMITestCase(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.session = stub.StubSession()
        self.responses = self.session.responses
        self.sensors: list[FakeSensor] = []
        self.set_manufacturer(0x1291)
        self.patch('session.Session', lambda *args: self.session)
        self.patch('sensors.find', lambda session: self.sensors)

    def patch(self, name: str, replacement: typing.Any) -> None:
        patcher = mock.patch(f'energy_meter.drivers.ipmi.{name}', replacement)
        patcher.start()
        self.addCleanup(patcher.stop)

    def set_manufacturer(self, number: int) -> None:
        self.responses[0x06, 0x01, b''] = (
            bytes(6) + number.to_bytes(3, 'little') + bytes(6)
        )

    def make(
        self, *probes: str | None, **options: typing.Any
    ) -> ipmi_driver.IPMI:
        return drivers.make(
            ipmi_driver.IPMI, *(probes or ['node']), host='bmc', **options
        )

    def read(
        self, *probes: str | None, **options: typing.Any
    ) -> list[measurement.Reading]:
        driver = self.make(*probes, **options)
        driver.open()
        return list(driver.read())

    def assertOpenFails(
        self, reason: str, *probes: str | None, **options: typing.Any
    ) -> None:
        driver = self.make(*probes, **options)
        error = self.assertRaises(exception.DriverError, driver.open)
        self.assertIn(reason, str(error))


class PowerTest(IPMITestCase):
    def test_dcmi_is_preferred_to_sensor(self):
        self.responses[commands.DCMI] = commands.dcmi_response(300, 0x40)
        self.sensors = [FakeSensor('Pwr', 200.0)]

        (reading,) = self.read()

        self.assertEqual(('node', 300), (reading.probe, reading.watts))
        self.assertIsNone(reading.ticks)

    def test_without_dcmi_only_sensor_is_read(self):
        self.sensors = [FakeSensor('Pwr', 200.0)]

        (reading,) = self.read()

        self.assertEqual(200.0, reading.watts)

    def test_dcmi_completion_code_falls_back_to_sensor(self):
        self.sensors = [FakeSensor('Pwr', 200.0)]
        for code in (0xC1, 0xC3, 0xCB, 0xCC, 0xD4, 0xD5):
            self.responses[commands.DCMI] = code
            (reading,) = self.read()
            self.assertEqual(200.0, reading.watts)

    def test_inactive_dcmi_falls_back_to_sensor(self):
        self.responses[commands.DCMI] = commands.dcmi_response(300, 0)
        self.sensors = [FakeSensor('Pwr', 200.0)]

        (reading,) = self.read()

        self.assertEqual(200.0, reading.watts)

    def test_inactive_dcmi_without_alternative_is_read_again(self):
        self.responses[commands.DCMI] = commands.dcmi_response(300, 0)
        driver = self.make()
        driver.open()
        self.assertEqual([], list(driver.read()))

        self.responses[commands.DCMI] = commands.dcmi_response(301, 0x40)

        self.assertEqual([301], [reading.watts for reading in driver.read()])

    def test_busy_bmc_raises_instead_of_falling_back(self):
        self.responses[commands.DCMI] = 0xC0
        self.sensors = [FakeSensor('Pwr', 200.0)]

        self.assertOpenFails('0xc0')

    def test_named_sensor_is_preferred_to_dcmi(self):
        self.responses[commands.DCMI] = commands.dcmi_response(300, 0x40)
        self.sensors = [FakeSensor('PSU1', 90.0), FakeSensor('PSU2', 110.0)]

        (reading,) = self.read(sensor=['PSU2'])

        self.assertEqual(110.0, reading.watts)

    def test_sensors_are_assigned_to_probes_in_order(self):
        self.sensors = [
            FakeSensor('PSU1', 90.0),
            FakeSensor('PSU2', 110.0),
            FakeSensor('PSU3', 130.0),
        ]

        readings = self.read('b', None, 'a', sensor=['PSU2', 'PSU3', 'PSU1'])

        self.assertEqual(
            [('b', 110.0), ('a', 90.0)],
            [(reading.probe, reading.watts) for reading in readings],
        )

    def test_unavailable_sensor_yields_no_reading(self):
        self.sensors = [FakeSensor('PSU1', None), FakeSensor('PSU2', 110.0)]

        readings = self.read('a', 'b', sensor=['PSU1', 'PSU2'])

        self.assertEqual(['b'], [reading.probe for reading in readings])

    def test_failing_sensor_costs_only_its_probe(self):
        for code in (0xC1, 0xC9, 0xCB, 0xCC, 0xD4, 0xFF):
            self.sensors = [
                FakeSensor('PSU1', failure(code)),
                FakeSensor('PSU2', 110.0),
            ]

            readings = self.read('a', 'b', sensor=['PSU1', 'PSU2'])

            self.assertEqual(['b'], [reading.probe for reading in readings])

    def test_failure_of_all_sensors_raises(self):
        self.sensors = [
            FakeSensor('PSU1', failure(0xCC)),
            FakeSensor('PSU2', failure(0xCB)),
        ]
        driver = self.make('a', 'b', sensor=['PSU1', 'PSU2'])
        driver.open()

        error = self.assertRaises(
            ipmi_session.CommandFailed, lambda: list(driver.read())
        )

        self.assertEqual(0xCC, error.code)

    def test_lost_bmc_times_out_once_for_all_sensors(self):
        lost = exception.DeviceUnreachable(device='BMC', reason='timeout')
        self.sensors = [FakeSensor(name, lost) for name in ('a', 'b', 'c')]
        driver = self.make('a', 'b', 'c', sensor=['a', 'b', 'c'])
        driver.open()

        self.assertRaises(
            exception.DeviceUnreachable, lambda: list(driver.read())
        )

        self.assertEqual(
            [1, 0, 0], [sensor.readings for sensor in self.sensors]
        )

    def test_several_sensors_without_option_are_rejected(self):
        self.sensors = [FakeSensor('PSU1', 90.0), FakeSensor('PSU2', 110.0)]

        self.assertOpenFails('available for the sensor option: PSU1, PSU2')

    def test_unknown_sensor_error_lists_available_names(self):
        self.sensors = [FakeSensor('PSU1', 90.0), FakeSensor('PSU2', 110.0)]

        self.assertOpenFails(
            'expected one Watts sensor PSU3, found 0; available for the '
            'sensor option: PSU1, PSU2',
            sensor=['PSU3'],
        )

    def test_bmc_without_power_source_is_rejected(self):
        self.assertOpenFails('no power source available')

    def test_several_probes_without_sensor_option_are_rejected(self):
        self.assertOpenFails('several probes', 'a', 'b')

    def test_fewer_sensors_than_probes_are_rejected(self):
        self.assertOpenFails(
            'lists 1 sensors for 2 probes', 'a', 'b', sensor=['PSU1']
        )


class EnergyTest(IPMITestCase):
    def setUp(self):
        super().setUp()
        self.sensors = [FakeSensor('Pwr', 200.0)]

    def add_dell_responses(self) -> None:
        self.responses[commands.DELL_POWER] = bytes.fromhex('0401 0700')
        self.responses[commands.DELL_ENERGY] = bytes.fromhex(
            '00000000 40e20100'
        )

    def add_aem_responses(self) -> None:
        self.responses[commands.LENOVO_MODULE] = bytes.fromhex(
            '664a00 00 0206 03'
        )
        self.responses[commands.LENOVO_AC] = bytes.fromhex(
            '664a00 0000000000000007'
        )

    def test_dell_commands_are_used_on_dell_bmc(self):
        self.set_manufacturer(674)
        self.add_dell_responses()

        (reading,) = self.read()

        self.assertEqual((260, 123456), (reading.watts, reading.ticks))
        self.assertEqual(3600.0, reading.counter.joules_per_tick)

    def test_dell_commands_are_not_sent_to_other_vendors(self):
        self.add_dell_responses()

        (reading,) = self.read()

        self.assertEqual((200.0, None), (reading.watts, reading.ticks))

    def test_source_dell_forces_dell_commands(self):
        self.add_dell_responses()

        (reading,) = self.read(source='dell')

        self.assertEqual((260, 123456), (reading.watts, reading.ticks))

    def test_aem_energy_is_combined_with_sensor_power(self):
        self.add_aem_responses()

        (reading,) = self.read()

        self.assertEqual((200.0, 7), (reading.watts, reading.ticks))

    def test_source_aem_reads_energy_only(self):
        self.add_aem_responses()

        (reading,) = self.read(source='aem')

        self.assertEqual((None, 7), (reading.watts, reading.ticks))

    def test_energy_integrate_does_not_read_counter(self):
        self.add_aem_responses()

        (reading,) = self.read(energy='integrate')

        self.assertEqual((200.0, None), (reading.watts, reading.ticks))

    def test_energy_counter_without_counter_is_rejected(self):
        self.assertOpenFails('has no energy counter', energy='counter')

    def test_temporarily_unavailable_counter_is_skipped(self):
        self.add_aem_responses()
        driver = self.make()
        driver.open()

        self.responses[commands.LENOVO_AC] = 0xC3
        (reading,) = driver.read()

        self.assertEqual((200.0, None), (reading.watts, reading.ticks))
        self.assertIsNotNone(reading.counter)

    def test_unsupported_counter_raises(self):
        self.add_aem_responses()
        driver = self.make()
        driver.open()

        self.responses[commands.LENOVO_AC] = 0xC1

        self.assertRaises(
            ipmi_session.CommandFailed, lambda: list(driver.read())
        )
