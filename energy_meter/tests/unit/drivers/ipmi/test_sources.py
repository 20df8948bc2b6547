# SPDX-License-Identifier: Apache-2.0

"""Tests of the IPMI commands for power and energy."""

from oslotest import base

from energy_meter import exception
from energy_meter.drivers.ipmi import session as ipmi_session
from energy_meter.drivers.ipmi import sources
from energy_meter.tests.unit.drivers.ipmi import stub

DCMI = (0x2C, 0x02, bytes.fromhex('dc010000'))
DELL_POWER = (0x30, 0xB3, bytes.fromhex('0a00'))
DELL_ENERGY = (0x30, 0x9C, bytes.fromhex('0701'))
LENOVO_MODULE = (0x2E, 0x82, bytes.fromhex('664a00 000001'))
LENOVO_AC = (0x2E, 0x81, bytes.fromhex('664a00 03 01820108'))
LENOVO_DC = (0x2E, 0x81, bytes.fromhex('664a00 03 01820008'))
IBM_MODULE = (0x2E, 0x82, bytes.fromhex('4d4f00 000001'))
IBM_AC = (0x2E, 0x81, bytes.fromhex('4d4f00 03 01820108'))


def dcmi_response(watts: int, state: int) -> bytes:
    return bytes.fromhex(
        f'dc {watts % 256:02x} {watts // 256:02x}'
        f'0100 ff03 fa00 00c05365 e8030000 {state:02x}'
    )


class SourceTestCase(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.session = stub.StubSession()
        self.responses = self.session.responses


class DCMITest(SourceTestCase):
    def test_power_is_read(self):
        self.responses[DCMI] = dcmi_response(300, state=0x40)

        self.assertEqual(300, sources.DCMIPower(self.session).read())

    def test_inactive_measurement_yields_no_reading(self):
        self.responses[DCMI] = dcmi_response(300, state=0x00)

        self.assertIsNone(sources.DCMIPower(self.session).read())

    def test_all_ones_yields_no_reading(self):
        self.responses[DCMI] = dcmi_response(0xFFFF, state=0x40)

        self.assertIsNone(sources.DCMIPower(self.session).read())

    def test_zero_watts_is_read(self):
        self.responses[DCMI] = dcmi_response(0, state=0x40)

        self.assertEqual(0, sources.DCMIPower(self.session).read())

    def test_ignored_state_uses_power_above_zero(self):
        power = sources.DCMIPower(self.session, ignore_state=True)
        for state in (0x00, 0x02, 0x40):
            for watts, expected in ((1, 1), (319, 319), (0xFFFE, 0xFFFE)):
                self.responses[DCMI] = dcmi_response(watts, state)
                self.assertEqual(expected, power.read())

    def test_ignored_state_still_rejects_unavailable_values(self):
        power = sources.DCMIPower(self.session, ignore_state=True)

        for watts, state in ((0, 0x00), (0xFFFF, 0x00), (0xFFFF, 0x40)):
            self.responses[DCMI] = dcmi_response(watts, state)
            self.assertIsNone(power.read())

    def test_short_response_raises(self):
        self.responses[DCMI] = dcmi_response(300, state=0x40)[:-1]

        error = self.assertRaises(
            exception.ProtocolError, sources.DCMIPower(self.session).read
        )

        self.assertEqual(
            'BMC bmc port 623: DCMI: response has 17 bytes, expected 18',
            str(error),
        )

    def test_completion_code_is_in_error(self):
        error = self.assertRaises(
            ipmi_session.CommandFailed, sources.DCMIPower(self.session).read
        )

        self.assertEqual(0xC1, error.code)


class DellTest(SourceTestCase):
    def test_power_is_read(self):
        self.responses[DELL_POWER] = bytes.fromhex('0401 0700')

        self.assertEqual(260, sources.DellPower(self.session).read())

    def test_all_ones_yields_no_reading(self):
        self.responses[DELL_POWER] = bytes.fromhex('ffff 0700')

        self.assertIsNone(sources.DellPower(self.session).read())

    def test_energy_is_read_in_watt_hours(self):
        self.responses[DELL_ENERGY] = bytes.fromhex('00c05365 40e20100')
        energy = sources.DellEnergy(self.session)

        self.assertEqual(123456, energy.read())
        self.assertEqual(3600.0, energy.counter.resolution)
        self.assertEqual(2**32, energy.counter.rollover)


class AEMTest(SourceTestCase):
    def setUp(self):
        super().setUp()
        self.responses[LENOVO_MODULE] = bytes.fromhex('664a00 00 0206 03')

    def test_energy_is_read_in_millijoules(self):
        self.responses[LENOVO_AC] = bytes.fromhex('664a00 000000174876e800')
        energy = sources.AEMEnergy(self.session)

        self.assertEqual(10**11, energy.read())
        self.assertEqual(0.001, energy.counter.resolution)

    def test_missing_ac_counter_falls_back_to_dc(self):
        self.responses[LENOVO_AC] = 0xCB
        self.responses[LENOVO_DC] = bytes.fromhex('664a00 0000000000000007')

        self.assertEqual(7, sources.AEMEnergy(self.session).read())

    def test_busy_ac_counter_does_not_fall_back_to_dc(self):
        self.responses[LENOVO_AC] = 0xC0
        self.responses[LENOVO_DC] = bytes.fromhex('664a00 0000000000000007')

        error = self.assertRaises(
            ipmi_session.CommandFailed, sources.AEMEnergy(self.session).read
        )

        self.assertTrue(error.is_busy)

    def test_ibm_machine_is_read_with_ibm_number(self):
        self.responses[LENOVO_MODULE] = 0xC1
        self.responses[IBM_MODULE] = bytes.fromhex('4d4f00 00 0201 03')
        self.responses[IBM_AC] = bytes.fromhex('4d4f00 0000000000000008')

        self.assertEqual(8, sources.AEMEnergy(self.session).read())

    def test_unknown_version_is_rejected(self):
        self.responses[LENOVO_MODULE] = bytes.fromhex('664a00 00 0301 03')
        self.responses[LENOVO_AC] = bytes.fromhex('664a00 0000000000000007')

        error = self.assertRaises(
            exception.ProtocolError, sources.AEMEnergy(self.session).read
        )

        self.assertIn('unsupported version 03.01', str(error))


class ManufacturerTest(SourceTestCase):
    def test_dell_is_detected_by_device_id(self):
        self.responses[0x06, 0x01, b''] = bytes.fromhex(
            '20 81 02 30 02 df a20200 0001'
        )

        self.assertEqual(sources.DELL, sources.manufacturer(self.session))
