# SPDX-License-Identifier: Apache-2.0

"""The Eaton ePDU's command line: log in, ask, believe only numbers."""

import fixtures
from oslotest import base

from energy_meter import exception
from energy_meter.drivers import eaton_serial
from energy_meter.tests import drivers

ASK = b'get PDU.OutletSystem.Outlet[x].ActivePower\r'


class Port:
    """A port on which each line said gets the answer that is due."""

    def __init__(self, *dialogue):
        self._dialogue = list(dialogue)
        self._heard = []
        self.said = []

    def open(self):
        pass

    def say(self, data):
        self._heard.append(data)

    def discard_input(self):
        self._heard.clear()

    def write(self, data):
        self.said.append(data)
        if self._dialogue:
            self._heard.append(self._dialogue.pop(0))

    def read(self):
        return self._heard.pop(0) if self._heard else b''


def answer(shown):
    return ASK + b'\n\a' + shown + b'\r\n\r\npdu#0>'


class EatonSerialTest(base.BaseTestCase):
    def make(self, *dialogue, probes=('one', 'two'), **options):
        self.useFixture(
            fixtures.MockPatchObject(eaton_serial.EatonSerial, 'timeout', 0.05)
        )
        driver = drivers.make(
            eaton_serial.EatonSerial,
            *probes,
            port='/dev/ttyS0',
            password='s3cret',
            **options,
        )
        driver._port = self.port = Port(*dialogue)
        return driver

    def refusal(self, shown, error=exception.ProtocolError):
        driver = self.make(b'\r\npdu#0>', answer(shown))
        return str(self.assertRaises(error, list, driver.read()))

    def test_it_logs_in_once(self):
        driver = self.make(
            b'\r\nEnter Login: ',
            b'admin\r\nEnter Password: ',
            b'******\r\n\r\npdu#0>',
        )

        driver.open()

        self.assertEqual([b'\r', b'admin\r', b's3cret\r'], self.port.said)

    def test_an_open_session_is_gone_on_with(self):
        driver = self.make(b'garbage\r\npdu#0> ')

        driver.open()

        self.assertEqual([b'\r'], self.port.said)

    def test_a_wrong_password_is_not_tried_again(self):
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
        self.assertEqual(3, len(self.port.said))

    def test_silence_is_an_error_that_keeps_the_password(self):
        driver = self.make(b'Login:', b'Password:', b's3cret')

        error = self.assertRaises(exception.DeviceUnreachable, driver.open)

        self.assertEqual(
            '/dev/ttyS0 did not answer: neither a login nor the '
            'prompt pdu#0> came in 0.05 s',
            str(error),
        )

    def test_values_follow_the_echo(self):
        driver = self.make(b'\r\npdu#0>', answer(b'120|7.5'))

        readings = list(driver.read())

        self.assertEqual(
            [('one', 120.0), ('two', 7.5)],
            [(each.probe, each.watts) for each in readings],
        )
        self.assertEqual([b'\r', ASK], self.port.said)

    def test_an_idle_user_logs_in_again(self):
        driver = self.make(
            b'Login:', b'Password:', b'pdu#0>', answer(b'120|7.5')
        )

        self.assertEqual(2, len(list(driver.read())))

    def test_what_was_said_unasked_is_no_answer(self):
        driver = self.make(
            b'Login:', b'Password:', b'pdu#0>', answer(b'120|7.5')
        )
        self.port.say(b'Time is up.\r\npdu#0>')

        self.assertEqual(2, len(list(driver.read())))

    def test_the_scale_is_the_operators(self):
        driver = self.make(b'\r\npdu#0>', answer(b'1203|75'), scale=0.1)

        self.assertEqual(
            [120.3, 7.5], [round(each.watts, 9) for each in driver.read()]
        )

    def test_outlets_can_be_left_out(self):
        driver = self.make(
            b'\r\npdu#0>', answer(b'1|2|3'), probes=(None, 'two')
        )

        (reading,) = driver.read()

        self.assertEqual(('two', 2.0), (reading.probe, reading.watts))

    def test_another_object_can_be_asked_for(self):
        driver = self.make(
            b'\r\npdu#1>',
            b'get PDU.Input[1].ActivePower\r\n\a900\r\npdu#1>',
            probes=('inlet',),
            object='PDU.Input[1].ActivePower',
            prompt='pdu#1>',
        )

        (reading,) = driver.read()

        self.assertEqual(900.0, reading.watts)

    def test_what_is_unavailable_is_not_zero(self):
        for shown in (b'|7.5', b'N/A|7.5', b'-|7.5', b'-1|7.5', b'nan|7.5'):
            driver = self.make(b'\r\npdu#0>', answer(shown))
            self.assertEqual(['two'], [each.probe for each in driver.read()])

    def test_an_error_text_is_no_value(self):
        self.assertEqual(
            '/dev/ttyS0: PDU.OutletSystem.Outlet[x].ActivePower: '
            "'Unknown object' is not a number",
            self.refusal(b'Unknown object|5'),
        )

    def test_a_probe_without_an_outlet_is_an_error(self):
        self.assertIn(
            '1 values, but probes has places for 2', self.refusal(b'5')
        )

    def test_an_answer_to_something_else_is_an_error(self):
        driver = self.make(b'\r\npdu#0>', b'5|6\r\npdu#0>')

        error = self.assertRaises(exception.ProtocolError, list, driver.read())

        self.assertIn('the command is not in', str(error))
