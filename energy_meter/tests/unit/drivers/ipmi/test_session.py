# SPDX-License-Identifier: Apache-2.0

"""The session's behaviour against BMCs that answer oddly, or not at all.

(The ordinary case is tested against a real simulator.)
"""

import collections.abc
import os
import socket
import threading

import fixtures
from oslotest import base
from pyghmi.ipmi.private import simplesession

from energy_meter import exception
from energy_meter.drivers.ipmi import session as ipmi_session

PASSWORD = 's3cret-Meter'

#: An answer to Get Channel Authentication Capabilities.
IPMI_15_ONLY = bytes.fromhex(
    '0600ff07 00 00000000 00000000 10 811c63 20 00 38 00 01 04 04 00 00 00 00'
    '00 00 00'
)


class OddBMC(fixtures.Fixture):
    """A UDP socket that gives each request the same packets.

    :param packets: What is sent in answer.
    """

    def __init__(self, *packets: bytes) -> None:
        super().__init__()
        self.requests: list[bytes] = []
        self._packets = packets

    def _setUp(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(self._socket.close)
        self._socket.bind(('127.0.0.1', 0))
        self.port = self._socket.getsockname()[1]
        thread = threading.Thread(target=self._serve)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(self._end)

    def _end(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ender:
            ender.sendto(b'', ('127.0.0.1', self.port))

    def _serve(self) -> None:
        while True:
            request, sender = self._socket.recvfrom(1000)
            if not request:
                return
            self.requests.append(request)
            for packet in self._packets:
                self._socket.sendto(packet, sender)


class SessionTest(base.BaseTestCase):
    def make(
        self, port: int, *, host: str = '127.0.0.1', kg: str | None = None
    ) -> ipmi_session.Session:
        session = ipmi_session.Session(
            host, port, 'meter', PASSWORD, kg=kg, timeout=0.2
        )
        self.addCleanup(session.close)
        return session

    def assertFails(
        self,
        error: type[Exception],
        text: str,
        call: collections.abc.Callable[[], object],
    ) -> None:
        raised = self.assertRaises(error, call)
        self.assertIn(text, str(raised))
        self.assertNotIn(PASSWORD, str(raised))

    def test_a_silent_bmc_is_unreachable(self):
        bmc = self.useFixture(OddBMC())

        self.assertFails(
            exception.DeviceUnreachable,
            'nothing within 0.2 s',
            self.make(bmc.port).open,
        )

    def test_an_unanswered_request_is_repeated(self):
        self.useFixture(
            fixtures.MonkeyPatch(
                'energy_meter.drivers.ipmi.session._REPEAT', 0.02
            )
        )
        bmc = self.useFixture(OddBMC())

        self.assertRaises(
            exception.DeviceUnreachable, self.make(bmc.port).open
        )

        self.assertGreater(len(bmc.requests), 1)
        self.assertEqual(1, len(set(bmc.requests)))

    def test_packets_that_are_not_ipmi_are_ignored(self):
        bmc = self.useFixture(OddBMC(b'', b'\x06', b'GET / HTTP/1.1\r\n'))

        self.assertFails(
            exception.DeviceUnreachable,
            'nothing within 0.2 s',
            self.make(bmc.port).open,
        )

    def test_a_truncated_answer_is_an_error(self):
        for length in (4, 9, 13, 20, 22):
            bmc = self.useFixture(OddBMC(IPMI_15_ONLY[:length]))
            self.assertRaises(exception.DriverError, self.make(bmc.port).open)

    def test_a_bmc_of_ipmi_1_5_is_told_so(self):
        bmc = self.useFixture(OddBMC(IPMI_15_ONLY))

        self.assertFails(
            exception.ProtocolError,
            'IPMI 2.0 is needed',
            self.make(bmc.port).open,
        )

    def test_an_unknown_name_is_told_so(self):
        for host in ('bmc.invalid', 'bmc..invalid'):
            self.assertFails(
                exception.DeviceUnreachable,
                'not resolved',
                self.make(623, host=host).open,
            )

    def test_a_failed_login_leaves_nothing_behind(self):
        bmc = self.useFixture(OddBMC())
        session = self.make(bmc.port)
        before = os.listdir('/proc/self/fd')

        try:
            session.open()
        except exception.DeviceUnreachable as error:
            # Its traceback would hold whatever was left.
            self.assertIsNotNone(error.__traceback__)
            self.assertEqual(before, os.listdir('/proc/self/fd'))

        self.assertEqual({}, simplesession.Session.keepalive_sessions)

    def test_kg_of_broken_hexadecimal_is_told_without_showing_it(self):
        error = self.assertRaises(
            exception.DriverError, self.make(623, kg='0x12q4').open
        )

        self.assertIn('hexadecimal', str(error))
        self.assertNotIn('12q4', str(error))

    def test_a_session_does_not_show_its_secrets(self):
        session = self.make(623, kg='topsecret')

        for text in (repr(session), str(session), session.device):
            self.assertNotIn(PASSWORD, text)
            self.assertNotIn('topsecret', text)
