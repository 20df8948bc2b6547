# SPDX-License-Identifier: Apache-2.0

"""Tests of listing a BMC's sensors again."""

import struct
from unittest import mock

import fixtures
import hypothesis
from hypothesis import strategies
from oslotest import base

from energy_meter import exception
from energy_meter.drivers.ipmi import listing
from energy_meter.drivers.ipmi import session as ipmi_session
from energy_meter.tests.unit.drivers.ipmi import test_sensors

GET_DEVICE_ID = (0x06, 0x01, b'')
GET_REPOSITORY_INFO = (0x0A, 0x20, b'')
GET_SENSOR_READING = (0x04, 0x2D)
GET_SDR = (0x0A, 0x23)

#: Time at which a record was added, and an unusable one.
ADDED, SINCE_START, UNSPECIFIED = 1_700_000_000, 300, 0xFFFFFFFF


class BMC(test_sensors.BMCWithRecords):
    """BMC with sensors whose raw value is their number times ten."""

    def set_added(self, timestamp: int) -> None:
        """Set the time of the most recent addition to the repository."""
        self.responses[GET_REPOSITORY_INFO] = struct.pack(
            '<BHHIIB', 0x51, len(self.records), 0xFFFF, timestamp, 0, 0x02
        )

    def request(
        self, netfn: int, command: int, data: bytes = b'', lun: int = 0
    ) -> bytes:
        response = super().request(netfn, command, data, lun)
        if (netfn, command) == GET_SDR:
            self.requests.append((netfn, command, data))
        return response


class ListingTest(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.bmc = self.make(
            test_sensors.record(1, 'Pwr'), test_sensors.record(2, 'CPU Power')
        )

    def make(self, *records: bytes) -> BMC:
        bmc = BMC(*records)
        bmc.set_added(ADDED)
        for number in range(1, 9):
            bmc.responses[(*GET_SENSOR_READING, bytes([number]))] = bytes(
                [10 * number, 0xC0]
            )
        return bmc

    def sensor(self, name: str | None = None) -> listing.ListedSensor:
        return listing.ListedSensor(self.bmc, listing.Listing(self.bmc), name)

    def commands(self) -> list[tuple[int, int]]:
        """Return the commands sent since the last call."""
        commands = [
            (netfn, command) for netfn, command, _ in self.bmc.requests
        ]
        self.bmc.requests.clear()
        return commands

    def test_reading_in_same_session_costs_one_command(self):
        sensor = self.sensor()
        self.assertEqual(40.0, sensor.read())
        self.commands()

        for _ in range(3):
            self.assertEqual(40.0, sensor.read())

        self.assertEqual([GET_SENSOR_READING] * 3, self.commands())

    def test_unchanged_repository_is_not_listed_after_login(self):
        sensor = self.sensor()
        sensor.read()
        self.commands()

        self.bmc.logins += 1
        sensor.read()

        self.assertEqual(
            [GET_DEVICE_ID[:2], GET_REPOSITORY_INFO[:2], GET_SENSOR_READING],
            self.commands(),
        )

    def test_changed_repository_is_listed_after_login(self):
        sensor = self.sensor()
        self.assertEqual(40.0, sensor.read())

        self.bmc.records = (
            test_sensors.record(1, 'Fan 1', unit=18),
            test_sensors.record(3, 'Pwr'),
        )
        self.bmc.set_added(ADDED + 1)
        self.bmc.logins += 1

        self.assertEqual(120.0, sensor.read())

    def test_changed_firmware_is_listed_after_login(self):
        sensor = self.sensor()
        sensor.read()

        self.bmc.records = (test_sensors.record(3, 'Pwr'),)
        self.bmc.responses[GET_DEVICE_ID] = bytes.fromhex(
            '20 81 02 31 02 df a20200 0001'
        )
        self.bmc.logins += 1

        self.assertEqual(120.0, sensor.read())

    @hypothesis.given(
        strategies.one_of(
            strategies.integers(0, 0x1FFFFFFF), strategies.just(UNSPECIFIED)
        )
    )
    @hypothesis.example(SINCE_START)
    @hypothesis.example(0x1FFFFFFF)
    @hypothesis.settings(max_examples=20, deadline=None)
    def test_records_without_date_are_listed_after_each_login(self, added):
        self.bmc = self.make(test_sensors.record(1, 'Pwr'))
        self.bmc.set_added(added)
        sensor = self.sensor()
        sensor.read()

        self.bmc.records = (test_sensors.record(3, 'Pwr'),)
        self.bmc.logins += 1

        self.assertEqual(120.0, sensor.read())

    def test_unknown_repository_info_lists_again(self):
        shown = self.sensor()
        shown.read()
        self.bmc.responses[GET_REPOSITORY_INFO] = 0xC1
        self.bmc.logins += 1

        self.assertRaises(exception.ProtocolError, shown.read)

    def test_busy_bmc_is_verified_at_next_reading(self):
        sensor = self.sensor()
        sensor.read()
        self.bmc.logins += 1
        repository = self.bmc.responses[GET_REPOSITORY_INFO]
        self.bmc.responses[GET_REPOSITORY_INFO] = 0xC0

        error = self.assertRaises(ipmi_session.CommandFailed, sensor.read)

        self.assertTrue(error.is_busy)
        self.bmc.responses[GET_REPOSITORY_INFO] = repository
        self.assertEqual(40.0, sensor.read())

    def test_failing_sensor_verifies_old_list(self):
        # Given a sensor that fails in a session that continues
        clock = self.useFixture(
            fixtures.MockPatch(
                'energy_meter.drivers.ipmi.listing.time.monotonic',
                mock.Mock(return_value=1000.0),
            )
        ).mock
        sensor = self.sensor()
        sensor.read()
        self.bmc.responses[(*GET_SENSOR_READING, b'\x01')] = 0xCB
        self.bmc.records = (test_sensors.record(3, 'Pwr'),)
        self.bmc.set_added(ADDED + 1)

        # when the list is recent, then it is kept
        clock.return_value += listing.MIN_AGE_S - 1
        for _ in range(2):
            self.assertRaises(ipmi_session.CommandFailed, sensor.read)

        # and when it is old, then it is listed again
        clock.return_value += 1
        self.assertRaises(ipmi_session.CommandFailed, sensor.read)
        self.assertEqual(120.0, sensor.read())

    def test_only_sensor_of_machine_is_found(self):
        self.assertEqual('Pwr', self.sensor().find().name)

    def test_part_can_be_named(self):
        self.assertEqual('CPU Power', self.sensor('CPU Power').find().name)

    def test_two_sensors_of_machine_are_rejected(self):
        self.bmc.records += (test_sensors.record(3, 'Total Power'),)

        error = self.assertRaises(exception.ProtocolError, self.sensor().find)

        self.assertIn(
            'expected one Watts sensor of the whole machine, found 2; '
            'available for the sensor option: Pwr, CPU Power, Total Power',
            str(error),
        )
