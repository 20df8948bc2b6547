# SPDX-License-Identifier: Apache-2.0

"""Command line of an Eaton ePDU, over a pair of pseudo-terminals."""

import threading

import fixtures
from oslotest import base

from energy_meter import exception
from energy_meter.drivers import eaton_serial
from energy_meter.tests import drivers
from energy_meter.tests.functional.services import pty

OUTLETS = 'get PDU.OutletSystem.Outlet[x].ActivePower'


class PDU(fixtures.Fixture):
    """Simulated command line of an ePDU, at the far end of a line.

    :ivar objects: output of each command; None for no response.
    :ivar logged_in: whether it shows its prompt, or requires a login.
    """

    def __init__(self, line: pty.Line) -> None:
        super().__init__()
        self.objects = {OUTLETS: '120|7.5|0', '': ''}
        self.logged_in = False
        self.logins = 0
        self._meter = line.meter

    def _setUp(self) -> None:
        self._meter.timeout = 0.05
        self._done = threading.Event()
        thread = threading.Thread(target=self._serve)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(self._done.set)

    def _serve(self) -> None:
        while not self._done.is_set():
            try:
                line = self._line()
                if line is not None:
                    self._answer(line)
            except OSError:
                return

    def _line(self, echo: bool = True) -> str | None:
        """Read a line; return None if the test ends first."""
        line = b''
        while not self._done.is_set():
            byte = self._meter.read(1)
            if byte == b'\r':
                return line.decode()
            self._meter.write(byte if echo else b'*' * len(byte))
            line += byte
        return None

    def _answer(self, line: str) -> None:
        output = self.objects.get(line, 'Error: unknown')
        if not self.logged_in:
            self._log_in(line)
        elif output is not None:
            self._send(f'\r\n\a{output}\r\n\r\npdu#0>')

    def _log_in(self, user: str) -> None:
        self._send('\r\nEnter Password: ' if user else '\r\nEnter Login: ')
        if not user:
            return
        password = self._line(echo=False)
        self.logins += 1
        self.logged_in = (user, password) == ('admin', 's3cret')
        self._send(
            '\r\n\r\npdu#0>'
            if self.logged_in
            else '\r\nAccess denied\r\n\r\nEnter Login: '
        )

    def _send(self, text: str) -> None:
        self._meter.write(text.encode())


class EatonSerialTest(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.line = self.useFixture(pty.Line())
        self.pdu = self.useFixture(PDU(self.line))

    def make(self, *probes, **options):
        driver = drivers.make(
            eaton_serial.EatonSerial,
            *probes or ('one', 'two', 'three'),
            port=str(self.line.port),
            **{'password': 's3cret'} | options,
        )
        self.addCleanup(driver.close)
        return driver

    def start(self, *probes, **options):
        driver = self.make(*probes, **options)
        driver.open()
        return driver

    def values(self, driver):
        return {reading.probe: reading.watts for reading in driver.read()}

    def test_reads_all_outlets(self):
        driver = self.start()

        self.assertEqual(
            {'one': 120.0, 'two': 7.5, 'three': 0.0}, self.values(driver)
        )

    def test_logs_in_once_for_several_reads(self):
        driver = self.start()
        for _ in range(3):
            self.values(driver)

        self.assertEqual(1, self.pdu.logins)

    def test_reads_the_inlet(self):
        self.pdu.objects['get PDU.Input[1].ActivePower'] = '9001'
        driver = self.start(
            'inlet', object='PDU.Input[1].ActivePower', scale=0.1
        )

        (reading,) = driver.read()

        self.assertAlmostEqual(900.1, reading.watts)

    def test_outlet_without_value_is_omitted(self):
        self.pdu.objects[OUTLETS] = '120||N/A'

        self.assertEqual({'one': 120.0}, self.values(self.start()))

    def test_open_session_is_reused(self):
        self.pdu.logged_in = True
        self.line.leave(b'120|7.5|0\r\npdu#0>')
        driver = self.make(password='unknown')
        driver.open()

        self.assertEqual(120.0, self.values(driver)['one'])

    def test_logs_in_again_after_idle_logout(self):
        driver = self.start()
        self.pdu.logged_in = False

        self.assertEqual(120.0, self.values(driver)['one'])
        self.assertEqual(2, self.pdu.logins)

    def test_wrong_password_is_an_error(self):
        driver = self.make(password='wrong')

        error = self.assertRaises(exception.AuthenticationFailed, driver.open)

        self.assertEqual(
            f'{self.line.port} refused the credentials of user admin',
            str(error),
        )
        self.assertEqual(1, self.pdu.logins)

    def test_unknown_object_is_an_error(self):
        driver = self.start(object='PDU.Nothing')

        error = self.assertRaises(exception.ProtocolError, self.values, driver)

        self.assertIn('but probes has places for 3', str(error))

    def test_silence_is_an_error(self):
        driver = self.start()
        driver.timeout_s = 0.2
        self.pdu.objects[OUTLETS] = None

        error = self.assertRaises(
            exception.DeviceUnreachable, self.values, driver
        )

        self.assertIn('came in 0.2 s', str(error))

    def test_unplugged_pdu_is_an_error(self):
        driver = self.start()
        self.line.unplug()

        error = self.assertRaises(
            exception.DeviceUnreachable, self.values, driver
        )
        self.assertIn(f'{self.line.port} did not answer', str(error))
        driver.close()
        error = self.assertRaises(exception.DeviceUnreachable, driver.open)
        self.assertIn('No such file or directory', str(error))

    def test_replugged_pdu_is_read(self):
        driver = self.start()
        self.line.unplug()
        self.assertRaises(exception.DeviceUnreachable, self.values, driver)
        driver.close()
        self.line.plug()
        self.useFixture(PDU(self.line))

        driver.open()

        self.assertEqual(120.0, self.values(driver)['one'])
