# SPDX-License-Identifier: Apache-2.0

"""Command line of an Eaton ePDU: login, commands and values."""

import fixtures
from oslotest import base

from energy_meter import exception
from energy_meter.drivers import eaton_serial
from energy_meter.drivers.common import bounds
from energy_meter.tests import drivers

COMMAND = b'get PDU.OutletSystem.Outlet[x].ActivePower\r'


class Port:
    """Port that responds to each written line with the next response."""

    def __init__(self, *responses):
        self._responses = list(responses)
        self._received = []
        self.written = []

    def open(self):
        pass

    def receive(self, data):
        self._received.append(data)

    def discard_input(self):
        self._received.clear()

    def write(self, data):
        self.written.append(data)
        if self._responses:
            self._received.append(self._responses.pop(0))

    def read(self):
        return self._received.pop(0) if self._received else b''


def response(values):
    return COMMAND + b'\n\a' + values + b'\r\n\r\npdu#0>'


class EatonSerialTest(base.BaseTestCase):
    def make(self, *responses, probes=('one', 'two'), **options):
        self.useFixture(
            fixtures.MockPatchObject(
                eaton_serial.EatonSerial, 'timeout_s', 0.05
            )
        )
        driver = drivers.make(
            eaton_serial.EatonSerial,
            *probes,
            port='/dev/ttyS0',
            password='s3cret',
            **options,
        )
        driver._port = self.port = Port(*responses)
        return driver

    def error_text(self, values, error=exception.ProtocolError):
        driver = self.make(b'\r\npdu#0>', response(values))
        return str(self.assertRaises(error, driver.read))

    def test_logs_in_once(self):
        driver = self.make(
            b'\r\nEnter Login: ',
            b'admin\r\nEnter Password: ',
            b'******\r\n\r\npdu#0>',
        )

        driver.open()

        self.assertEqual([b'\r', b'admin\r', b's3cret\r'], self.port.written)

    def test_open_session_is_reused(self):
        driver = self.make(b'garbage\r\npdu#0> ')

        driver.open()

        self.assertEqual([b'\r'], self.port.written)

    def test_wrong_password_is_not_retried(self):
        driver = self.make(
            b'Login:',
            b'admin\r\nPassword:',
            b'\r\nLogin:',
            username='operator',
        )

        error = self.assertRaises(exception.AuthenticationFailed, driver.open)

        self.assertEqual(
            '/dev/ttyS0 refused the credentials of user operator', str(error)
        )
        self.assertEqual(3, len(self.port.written))

    def test_timeout_is_an_error_without_the_password(self):
        driver = self.make(b'Login:', b'Password:', b's3cret')

        error = self.assertRaises(exception.DeviceUnreachable, driver.open)

        self.assertEqual(
            '/dev/ttyS0 did not answer: neither a login nor the '
            'prompt pdu#0> came in 0.05 s',
            str(error),
        )

    def test_values_follow_the_echo(self):
        driver = self.make(b'\r\npdu#0>', response(b'120|7.5'))

        readings = list(driver.read())

        self.assertEqual(
            [('one', 120.0), ('two', 7.5)],
            [(each.probe, each.watts) for each in readings],
        )
        self.assertEqual([b'\r', COMMAND], self.port.written)

    def test_logs_in_again_after_idle_logout(self):
        driver = self.make(
            b'Login:', b'Password:', b'pdu#0>', response(b'120|7.5')
        )

        self.assertEqual(2, len(list(driver.read())))

    def test_what_was_said_unasked_is_no_response(self):
        driver = self.make(
            b'Login:', b'Password:', b'pdu#0>', response(b'120|7.5')
        )
        self.port.receive(b'Time is up.\r\npdu#0>')

        self.assertEqual(2, len(list(driver.read())))

    def test_values_are_scaled(self):
        driver = self.make(b'\r\npdu#0>', response(b'1203|75'), scale=0.1)

        self.assertEqual(
            [120.3, 7.5], [round(each.watts, 9) for each in driver.read()]
        )

    def test_outlet_without_probe_is_skipped(self):
        driver = self.make(
            b'\r\npdu#0>', response(b'1|2|3'), probes=(None, 'two')
        )

        (reading,) = driver.read()

        self.assertEqual(('two', 2.0), (reading.probe, reading.watts))

    def test_reads_the_configured_object(self):
        driver = self.make(
            b'\r\npdu#1>',
            b'get PDU.Input[1].ActivePower\r\n\a900\r\npdu#1>',
            probes=('inlet',),
            object='PDU.Input[1].ActivePower',
            prompt='pdu#1>',
        )

        (reading,) = driver.read()

        self.assertEqual(900.0, reading.watts)

    def test_unavailable_value_is_not_zero(self):
        for values in (b'|7.5', b'N/A|7.5', b'-|7.5', b'-1|7.5', b'nan|7.5'):
            driver = self.make(b'\r\npdu#0>', response(values))
            self.assertEqual(['two'], [each.probe for each in driver.read()])

    def test_error_text_is_not_a_value(self):
        self.assertEqual(
            '/dev/ttyS0: PDU.OutletSystem.Outlet[x].ActivePower: '
            "'Unknown object' is not a number",
            self.error_text(b'Unknown object|---'),
        )
        self.assertIn("'1_0' is not a number", self.error_text(b'1_0|---'))

    def test_invalid_value_costs_only_its_outlet(self):
        for probes, values in (
            (('one', 'two'), b'7.5|---'),
            (('one', None), b'7.5|---'),
            (('one',), b'7.5|---'),
        ):
            driver = self.make(b'\r\npdu#0>', response(values), probes=probes)

            self.assertEqual(
                [('one', 7.5)],
                [(each.probe, each.watts) for each in driver.read()],
            )

    def test_probe_without_outlet_is_an_error(self):
        self.assertIn(
            '1 values, but probes has places for 2', self.error_text(b'5')
        )

    def test_response_to_another_command_is_an_error(self):
        driver = self.make(b'\r\npdu#0>', b'5|6\r\npdu#0>')

        error = self.assertRaises(exception.ProtocolError, driver.read)

        self.assertIn('the command is not in', str(error))

    def test_endless_response_is_an_error(self):
        driver = self.make(b'\r\npdu#0>', b'x' * (bounds.MAX_EATON_BYTES + 1))

        e = self.assertRaises(exception.ProtocolError, driver.read)

        self.assertIn('more than 65536 bytes without a prompt', str(e))
