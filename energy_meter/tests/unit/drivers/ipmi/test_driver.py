# SPDX-License-Identifier: Apache-2.0

"""Which of a BMC's sources the driver reads, and how it reads them."""

import typing
from unittest import mock

from oslotest import base

from energy_meter import exception
from energy_meter import measurement
from energy_meter.drivers.ipmi import driver as ipmi_driver
from energy_meter.drivers.ipmi import session as ipmi_session
from energy_meter.tests import drivers
from energy_meter.tests.unit.drivers.ipmi import stub
from energy_meter.tests.unit.drivers.ipmi import test_sources as commands


class FakeSensor:
    """A Watts sensor."""

    def __init__(self, name: str, watts: float | None) -> None:
        self.name = name
        self.watts = watts

    def read(self) -> float | None:
        return self.watts


class IPMITestCase(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.session = stub.StubSession()
        self.answers = self.session.answers
        self.sensors: list[FakeSensor] = []
        self.make_manufacturer(0x1291)
        self.patch_with('session.Session', lambda *args: self.session)
        self.patch_with('sensors.find', lambda session: self.sensors)

    def patch_with(self, what: str, replacement: typing.Any) -> None:
        patch = mock.patch(f'energy_meter.drivers.ipmi.{what}', replacement)
        patch.start()
        self.addCleanup(patch.stop)

    def make_manufacturer(self, number: int) -> None:
        self.answers[0x06, 0x01, b''] = (
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

    def assertRefused(
        self, text: str, *probes: str | None, **options: typing.Any
    ) -> None:
        driver = self.make(*probes, **options)
        error = self.assertRaises(exception.DriverError, driver.open)
        self.assertIn(text, str(error))


class PowerTest(IPMITestCase):
    def test_dcmi_comes_first(self):
        self.answers[commands.DCMI] = commands.dcmi_answer(300, 0x40)
        self.sensors = [FakeSensor('Pwr', 200.0)]

        (reading,) = self.read()

        self.assertEqual(('node', 300), (reading.probe, reading.watts))
        self.assertIsNone(reading.ticks)

    def test_without_dcmi_the_only_sensor_is_read(self):
        self.sensors = [FakeSensor('Pwr', 200.0)]

        (reading,) = self.read()

        self.assertEqual(200.0, reading.watts)

    def test_each_refusal_of_dcmi_leads_to_the_sensor(self):
        self.sensors = [FakeSensor('Pwr', 200.0)]
        for code in (0xC1, 0xC3, 0xCB, 0xCC, 0xD4, 0xD5):
            self.answers[commands.DCMI] = code
            (reading,) = self.read()
            self.assertEqual(200.0, reading.watts)

    def test_inactive_dcmi_leads_to_the_sensor(self):
        self.answers[commands.DCMI] = commands.dcmi_answer(300, 0)
        self.sensors = [FakeSensor('Pwr', 200.0)]

        (reading,) = self.read()

        self.assertEqual(200.0, reading.watts)

    def test_inactive_dcmi_is_read_again_where_there_is_nothing_else(self):
        self.answers[commands.DCMI] = commands.dcmi_answer(300, 0)
        driver = self.make()
        driver.open()
        self.assertEqual([], list(driver.read()))

        self.answers[commands.DCMI] = commands.dcmi_answer(301, 0x40)

        self.assertEqual([301], [item.watts for item in driver.read()])

    def test_a_busy_bmc_is_not_taken_for_one_that_can_do_nothing(self):
        self.answers[commands.DCMI] = 0xC0
        self.sensors = [FakeSensor('Pwr', 200.0)]

        self.assertRefused('0xc0')

    def test_a_named_sensor_goes_before_dcmi(self):
        self.answers[commands.DCMI] = commands.dcmi_answer(300, 0x40)
        self.sensors = [FakeSensor('PSU1', 90.0), FakeSensor('PSU2', 110.0)]

        (reading,) = self.read(sensor=['PSU2'])

        self.assertEqual(110.0, reading.watts)

    def test_sensors_are_the_probes_in_their_order(self):
        self.sensors = [
            FakeSensor('PSU1', 90.0),
            FakeSensor('PSU2', 110.0),
            FakeSensor('PSU3', 130.0),
        ]

        readings = self.read('b', None, 'a', sensor=['PSU2', 'PSU3', 'PSU1'])

        self.assertEqual(
            [('b', 110.0), ('a', 90.0)],
            [(item.probe, item.watts) for item in readings],
        )

    def test_an_unavailable_sensor_is_no_reading(self):
        self.sensors = [FakeSensor('PSU1', None), FakeSensor('PSU2', 110.0)]

        readings = self.read('a', 'b', sensor=['PSU1', 'PSU2'])

        self.assertEqual(['b'], [item.probe for item in readings])

    def test_one_of_several_sensors_must_be_named(self):
        self.sensors = [FakeSensor('PSU1', 90.0), FakeSensor('PSU2', 110.0)]

        self.assertRefused('name one of: PSU1, PSU2')

    def test_a_wrong_name_is_answered_with_the_right_ones(self):
        self.sensors = [FakeSensor('PSU1', 90.0), FakeSensor('PSU2', 110.0)]

        self.assertRefused(
            'expected one Watts sensor PSU3, found 0; the '
            'option sensor can name one of: PSU1, PSU2',
            sensor=['PSU3'],
        )

    def test_a_bmc_that_shows_no_power_is_an_error(self):
        self.assertRefused('no power found')

    def test_several_probes_need_sensors(self):
        self.assertRefused('several probes', 'a', 'b')

    def test_each_probe_needs_a_sensor(self):
        self.assertRefused(
            'names 1 sensors for 2 probes', 'a', 'b', sensor=['PSU1']
        )


class EnergyTest(IPMITestCase):
    def setUp(self):
        super().setUp()
        self.sensors = [FakeSensor('Pwr', 200.0)]

    def answer_dell(self) -> None:
        self.answers[commands.DELL_POWER] = bytes.fromhex('0401 0700')
        self.answers[commands.DELL_ENERGY] = bytes.fromhex('00000000 40e20100')

    def answer_aem(self) -> None:
        self.answers[commands.LENOVO_MODULE] = bytes.fromhex(
            '664a00 00 0206 03'
        )
        self.answers[commands.LENOVO_AC] = bytes.fromhex(
            '664a00 0000000000000007'
        )

    def test_dell_shows_power_and_energy_by_commands_of_its_own(self):
        self.make_manufacturer(674)
        self.answer_dell()

        (reading,) = self.read()

        self.assertEqual((260, 123456), (reading.watts, reading.ticks))
        self.assertEqual(3600.0, reading.counter.joules)

    def test_other_makers_are_not_sent_the_commands_of_dell(self):
        self.answer_dell()

        (reading,) = self.read()

        self.assertEqual((200.0, None), (reading.watts, reading.ticks))

    def test_the_operator_may_insist_on_the_commands_of_dell(self):
        self.answer_dell()

        (reading,) = self.read(source='dell')

        self.assertEqual((260, 123456), (reading.watts, reading.ticks))

    def test_aem_counts_the_energy_beside_another_source_of_power(self):
        self.answer_aem()

        (reading,) = self.read()

        self.assertEqual((200.0, 7), (reading.watts, reading.ticks))

    def test_aem_is_enough_alone(self):
        self.answer_aem()

        (reading,) = self.read(source='aem')

        self.assertEqual((None, 7), (reading.watts, reading.ticks))

    def test_integration_reads_no_counter(self):
        self.answer_aem()

        (reading,) = self.read(energy='integrate')

        self.assertEqual((200.0, None), (reading.watts, reading.ticks))

    def test_a_counter_that_is_insisted_on_must_exist(self):
        self.assertRefused('no energy counter found', energy='counter')

    def test_a_counter_that_has_no_time_goes_on_later(self):
        self.answer_aem()
        driver = self.make()
        driver.open()

        self.answers[commands.LENOVO_AC] = 0xC3
        (reading,) = driver.read()

        self.assertEqual((200.0, None), (reading.watts, reading.ticks))
        self.assertIsNotNone(reading.counter)

    def test_a_counter_that_is_gone_is_an_error(self):
        self.answer_aem()
        driver = self.make()
        driver.open()

        self.answers[commands.LENOVO_AC] = 0xC1

        self.assertRaises(
            ipmi_session.CommandRefused, lambda: list(driver.read())
        )
