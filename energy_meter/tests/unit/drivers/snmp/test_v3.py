# SPDX-License-Identifier: Apache-2.0


"""Tests of the security of SNMP version 3 messages."""

import time

import fixtures
import hypothesis
from hypothesis import strategies
from oslotest import base
from pysnmp.proto import errind

from energy_meter.drivers.snmp import ber
from energy_meter.drivers.snmp import engine
from energy_meter.drivers.snmp import v3

ENGINE_ID = bytes.fromhex('80001f8880') + b'\0' * 12
UPTIME = (1, 3, 6, 1, 2, 1, 1, 3, 0)

NOT_IN_TIME_WINDOWS = (1, 3, 6, 1, 6, 3, 15, 1, 1, 2, 0)
UNKNOWN_USER_NAMES = (1, 3, 6, 1, 6, 3, 15, 1, 1, 3, 0)
UNKNOWN_ENGINE_IDS = (1, 3, 6, 1, 6, 3, 15, 1, 1, 4, 0)

AUTH = engine.Credentials('3', '', 'meter', 'sha256', 'auth-s3cret')
PRIV = engine.Credentials(
    '3', '', 'meter', 'sha', 'auth-s3cret', 'aes', 'priv-s3cret'
)
PLAIN = engine.Credentials('3', '', 'meter')


class Device(v3.Security):
    """Stub of a device: it sends messages with its engine ID and clock."""

    def __init__(self, credentials, context='', boots=3, seconds=1000):
        super().__init__(credentials, context)
        report = v3.Security(PLAIN, '')
        report._engine_id = ENGINE_ID
        discovery = report.encode(1, pdu(ber.REPORT, 1, UNKNOWN_ENGINE_IDS))
        self.decode(discovery, 1)
        self.boots = boots
        self._seconds = seconds
        self._received = time.monotonic()

    def send(self, request_id, tag=ber.RESPONSE, oid=UPTIME):
        return self.encode(request_id, pdu(tag, request_id, oid))


def pdu(tag, request_id, oid):
    """Return a PDU with the value 42."""
    name = ber._encode_varbind(oid)[2:-2]
    return ber.encode(
        tag,
        ber.encode_integer(request_id),
        ber.encode_integer(0),
        ber.encode_integer(0),
        ber.encode(
            ber.SEQUENCE,
            ber.encode(ber.SEQUENCE, name, ber.encode_integer(42)),
        ),
    )


def discovered(credentials, context=''):
    """Return the security of a session that knows the engine ID."""
    security = v3.Security(credentials, context)
    security.decode(Device(PLAIN).send(1, ber.REPORT, UNKNOWN_ENGINE_IDS), 1)
    return security


class ResponseTest(base.BaseTestCase):
    def test_response_is_decoded_at_each_level(self):
        for credentials in (PLAIN, AUTH, PRIV):
            security = discovered(credentials)

            response = security.decode(Device(credentials).send(5), 5)

            self.assertEqual([(UPTIME, 42)], response.varbinds)
            self.assertEqual(3, security.boots)

    def test_engine_id_and_time_are_in_next_request(self):
        security = discovered(AUTH)
        security.decode(Device(AUTH, boots=3, seconds=1000).send(5), 5)

        message = v3._parse(security.encode(6, b''))

        self.assertEqual((ENGINE_ID, 3), (message.engine_id, message.boots))
        self.assertIn(message.seconds, range(1000, 1100))

    @hypothesis.given(strategies.sampled_from([AUTH, PRIV]), strategies.data())
    def test_no_bit_of_a_response_can_be_changed(self, credentials, data):
        # Given an authentic response,
        security = discovered(credentials)
        response = bytearray(Device(credentials).send(5))

        # when a bit of it is changed on the way,
        bit = data.draw(strategies.integers(0, 8 * len(response) - 1))
        response[bit // 8] ^= 1 << bit % 8

        # then it is ignored.
        self.assertRaises(
            (ValueError, IndexError), security.decode, bytes(response), 5
        )

    def test_response_without_authentication_is_ignored(self):
        security = discovered(AUTH)

        self.assertRaises(
            ValueError, security.decode, Device(PLAIN).send(5), 5
        )

    def test_response_without_encryption_is_ignored(self):
        security = discovered(PRIV)
        unencrypted = engine.Credentials(
            '3', '', 'meter', 'sha', 'auth-s3cret'
        )

        self.assertRaises(
            ValueError, security.decode, Device(unencrypted).send(5), 5
        )

    def test_response_to_other_request_user_or_context_is_ignored(self):
        other_user = engine.Credentials(
            '3', '', 'other', 'sha256', 'auth-s3cret'
        )
        for device in (Device(AUTH, 'bay-2'), Device(other_user)):
            self.assertRaises(
                ValueError, discovered(AUTH).decode, device.send(5), 5
            )
        self.assertRaises(
            ValueError, discovered(AUTH).decode, Device(AUTH).send(4), 5
        )


class TimeTest(base.BaseTestCase):
    def test_old_response_is_ignored(self):
        # Given a response that somebody has recorded,
        recorded = Device(AUTH, boots=3, seconds=1000).send(5)
        for boots, seconds in ((3, 1200), (4, 10)):
            security = discovered(AUTH)
            security.decode(
                Device(AUTH, boots=boots, seconds=seconds).send(6), 6
            )

            # then it is not valid 150 s later, or after a restart.
            self.assertRaises(ValueError, security.decode, recorded, 5)
            self.assertEqual(boots, security.boots)

    def test_delayed_response_is_decoded(self):
        security = discovered(AUTH)
        security.decode(Device(AUTH, seconds=1000).send(6), 6)

        response = security.decode(Device(AUTH, seconds=900).send(5), 5)

        self.assertEqual([(UPTIME, 42)], response.varbinds)

    def test_own_clock_continues_that_of_the_device(self):
        security = discovered(AUTH)
        security.decode(Device(AUTH, seconds=1000).send(5), 5)
        now = time.monotonic()
        self.useFixture(
            fixtures.MockPatch('time.monotonic', return_value=now + 500)
        )

        message = v3._parse(security.encode(6, b''))

        self.assertIn(message.seconds, (1499, 1500))

    def test_clock_out_of_range_is_ignored(self):
        for boots, seconds in ((2**31, 1), (1, 2**31), (-1, 1)):
            device = Device(PRIV)
            device._keys.encrypt = lambda body, *clock: (body, b'12345678')
            device.boots, device._seconds = boots, seconds

            self.assertRaises(
                ValueError, discovered(PRIV).decode, device.send(5), 5
            )


class ReportTest(base.BaseTestCase):
    def test_authentic_report_sets_the_clock(self):
        security = discovered(AUTH)

        report = security.decode(
            Device(AUTH, boots=9).send(5, ber.REPORT, NOT_IN_TIME_WINDOWS), 5
        )

        self.assertIsNone(v3.report_error(report))
        self.assertEqual(9, security.boots)

    def test_forged_report_of_the_clock_is_ignored(self):
        security = discovered(AUTH)

        self.assertRaises(
            ValueError,
            security.decode,
            Device(PLAIN).send(5, ber.REPORT, NOT_IN_TIME_WINDOWS),
            5,
        )

    def test_report_of_unknown_user_is_an_error(self):
        security = discovered(AUTH)

        report = security.decode(
            Device(PLAIN).send(5, ber.REPORT, UNKNOWN_USER_NAMES), 5
        )

        self.assertIs(errind.unknownUserName, v3.report_error(report))

    def test_report_of_replaced_device_is_ignored(self):
        security = discovered(AUTH)

        self.assertRaises(
            ValueError,
            security.decode,
            Device(PLAIN).send(5, ber.REPORT, UNKNOWN_ENGINE_IDS),
            5,
        )

    def test_engine_id_is_taken_only_from_a_report(self):
        security = v3.Security(AUTH, '')

        self.assertRaises(
            ValueError, security.decode, Device(PLAIN).send(5), 5
        )
