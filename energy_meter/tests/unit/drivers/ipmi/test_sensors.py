# SPDX-License-Identifier: Apache-2.0

"""Tests of finding and reading Watts sensors."""

import struct

import fixtures
from oslotest import base
from pyghmi.ipmi import sdr
from pyghmi.ipmi.private import constants

from energy_meter import exception
from energy_meter.drivers.ipmi import sensors
from energy_meter.tests.unit.drivers.ipmi import stub

WATTS, DEGREES, UNKNOWN_UNIT = 6, 1, 59
CANNOT_RETURN_SO_MANY_BYTES = 0xCA


def record(
    number: int,
    name: str,
    *,
    owner: int = 0x20,
    unit: int = WATTS,
    factor: int = 4,
    offset: int = 0,
    exponents: int = 0x00,
    numeric_format: int = 0,
    entity: int = 0x07,
) -> bytes:
    """Return a full sensor record (IPMI 2.0, table 43-1)."""
    body = bytearray(43)
    body[0], body[2], body[3] = owner, number, entity
    body[7], body[8] = 0x0B, 0x01
    body[15], body[16] = numeric_format << 6, unit
    body[19], body[21], body[24] = factor, offset, exponents
    body[42] = 0xC0 | len(name)
    body += name.encode()
    return struct.pack('<HBBB', number, 0x51, 0x01, len(body)) + body


class BMCWithRecords(stub.StubSession):
    """BMC with sensor data records.

    :param max_bytes: maximum number of bytes of a record in one response.
    """

    def __init__(self, *records: bytes, max_bytes: int = 255) -> None:
        super().__init__()
        self.records = records
        self.max_bytes = max_bytes
        self.responses |= {
            (0x06, 0x01, b''): bytes.fromhex('20 81 02 30 02 df a20200 0001'),
            (0x0A, 0x20, b''): bytes.fromhex('51 0100 ffff') + bytes(9),
            (0x0A, 0x22, b''): b'\x01\x00',
        }

    def request(
        self, netfn: int, command: int, data: bytes = b'', lun: int = 0
    ) -> bytes:
        if (netfn, command) != (0x0A, 0x23):
            return super().request(netfn, command, data, lun)
        index, offset, size = struct.unpack('<2xHBB', data)
        record = self.records[index]
        if min(size, len(record) - offset) > self.max_bytes:
            self.responses[0, 0, data] = CANNOT_RETURN_SO_MANY_BYTES
            return super().request(0, 0, data)
        return self.next_record(index) + record[offset : offset + size]

    def next_record(self, index: int) -> bytes:
        last = index + 1 == len(self.records)
        return struct.pack('<H', 0xFFFF if last else index + 1)


class FindTest(base.BaseTestCase):
    def find(self, *records: bytes, max_bytes: int = 255) -> list[str]:
        bmc = BMCWithRecords(*records, max_bytes=max_bytes)
        return [sensor.name for sensor in sensors.find(bmc)]

    def test_only_watts_sensors_are_found(self):
        self.assertEqual(
            ['Pwr'],
            self.find(
                record(1, 'Inlet', unit=DEGREES),
                record(2, 'Pwr'),
                record(3, 'Pwr state', numeric_format=3),
            ),
        )

    def test_sensors_of_other_controllers_are_skipped(self):
        self.assertEqual(
            ['Pwr'],
            self.find(record(1, 'Pwr'), record(2, 'ME Pwr', owner=0x2C)),
        )

    def test_invalid_records_are_skipped(self):
        invalid = bytearray(record(2, 'odd'))
        invalid[2] = 0x60

        self.assertEqual(
            ['Pwr', 'PSU'],
            self.find(
                record(1, 'Pwr'),
                bytes(invalid),
                record(3, 'other', unit=UNKNOWN_UNIT),
                record(4, 'latin').replace(b'latin', b'\xb5W\xb0C\xe9'),
                record(5, 'PSU'),
            ),
        )

    def test_packed_six_bit_name_is_decoded(self):
        # 30 33 35 00 11 0d 21 00: each is a character minus 0x20.
        packed = record(1, '').replace(
            b'\xc0', b'\x86' + bytes.fromhex('f05c03 511302')
        )

        self.assertEqual(['PSU 1-A'], self.find(packed))

    def test_sensors_of_parts_are_marked(self):
        bmc = BMCWithRecords(
            record(1, 'Pwr'),
            record(2, 'Pwr 2', entity=0x03),
            record(3, 'CPU Power'),
            record(4, 'OEM Power', entity=0xD0),
        )

        found = {sensor.name: sensor.is_part for sensor in sensors.find(bmc)}

        self.assertEqual(
            {
                'Pwr': False,
                'Pwr 2': True,
                'CPU Power': True,
                'OEM Power': False,
            },
            found,
        )

    def test_name_padding_is_stripped(self):
        self.assertEqual(['Pwr'], self.find(record(1, 'Pwr \0')))

    def test_records_are_read_in_pieces(self):
        self.assertEqual(
            ['Pwr', 'PSU'],
            self.find(record(1, 'Pwr'), record(2, 'PSU'), max_bytes=16),
        )

    def test_records_are_not_shared_between_bmcs_with_same_firmware(self):
        # Given a BMC whose records pyghmi has cached
        commander = sensors._Commander(BMCWithRecords(record(1, 'Pwr')))
        commander.get_event_constants = lambda: constants
        sdr.SDR(commander)
        self.assertEqual(1, len(sdr.shared_sdrs))
        self.addCleanup(sdr.shared_sdrs.clear)

        # when another BMC is read, then its own records are read, not cached
        self.assertEqual(
            ['PSU1', 'PSU2'], self.find(record(1, 'PSU1'), record(2, 'PSU2'))
        )
        self.assertEqual(1, len(sdr.shared_sdrs))

    def test_endless_record_list_times_out(self):
        self.useFixture(
            fixtures.MonkeyPatch(
                'energy_meter.drivers.ipmi.sensors.LISTING_TIMEOUT_S', 0.05
            )
        )
        bmc = BMCWithRecords(record(1, 'Pwr'), record(2, 'PSU'))
        bmc.next_record = lambda index: struct.pack('<H', 1 - index)

        error = self.assertRaises(
            exception.DeviceUnreachable, sensors.find, bmc
        )

        self.assertIn('took longer than', str(error))

    def test_bmc_without_sdr_support_raises(self):
        error = self.assertRaises(
            exception.ProtocolError, sensors.find, stub.StubSession()
        )

        self.assertIn('0xc1', str(error))


class ReadTest(base.BaseTestCase):
    def read(self, response: str, **details: int) -> float | None:
        bmc = BMCWithRecords(record(7, 'Pwr', **details))
        bmc.responses[0x04, 0x2D, b'\x07'] = bytes.fromhex(response)
        (sensor,) = sensors.find(bmc)
        return sensor.read()

    def test_value_is_scaled_by_its_record(self):
        self.assertEqual(200.0, self.read('32 c0 00'))
        # (2 * 50 + 5 * 10^1) * 10^-1
        self.assertEqual(
            15.0, self.read('32 c0 00', factor=2, offset=5, exponents=0xF1)
        )

    def test_response_without_threshold_states_is_read(self):
        self.assertEqual(200.0, self.read('32 c0'))

    def test_unavailable_value_yields_no_reading(self):
        self.assertIsNone(self.read('32 e0 00'))

    def test_disabled_scanning_yields_no_reading(self):
        self.assertIsNone(self.read('32 80 00'))

    def test_short_response_error_names_sensor(self):
        error = self.assertRaises(exception.ProtocolError, self.read, '32')

        self.assertEqual(
            'BMC bmc port 623: Pwr: response has 1 bytes, expected 2',
            str(error),
        )
