# SPDX-License-Identifier: Apache-2.0

"""Tests of IPMI sessions with BMCs that respond incorrectly or not at all.

The functional tests cover the regular case against ipmi_sim.
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

#: Response to Get Channel Authentication Capabilities.
IPMI_15_ONLY = bytes.fromhex(
    '0600ff07 00 00000000 00000000 10 811c63 20 00 38 00 01 04 04 00 00 00 00'
    '00 00 00'
)


class FaultyBMC(fixtures.Fixture):
    """UDP server that returns the same packets to every request.

    :param packets: packets to return.
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
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.sendto(b'', ('127.0.0.1', self.port))

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
        error_type: type[Exception],
        reason: str,
        function: collections.abc.Callable[[], object],
    ) -> None:
        error = self.assertRaises(error_type, function)
        self.assertIn(reason, str(error))
        self.assertNotIn(PASSWORD, str(error))

    def test_unresponsive_bmc_is_unreachable(self):
        bmc = self.useFixture(FaultyBMC())

        self.assertFails(
            exception.DeviceUnreachable,
            'no response within 0.2 s',
            self.make(bmc.port).open,
        )

    def test_unanswered_request_is_retransmitted(self):
        self.useFixture(
            fixtures.MonkeyPatch(
                'energy_meter.drivers.ipmi.session._RETRANSMIT_S', 0.02
            )
        )
        bmc = self.useFixture(FaultyBMC())

        self.assertRaises(
            exception.DeviceUnreachable, self.make(bmc.port).open
        )

        self.assertGreater(len(bmc.requests), 1)
        self.assertEqual(1, len(set(bmc.requests)))

    def test_non_ipmi_packets_are_ignored(self):
        bmc = self.useFixture(FaultyBMC(b'', b'\x06', b'GET / HTTP/1.1\r\n'))

        self.assertFails(
            exception.DeviceUnreachable,
            'no response within 0.2 s',
            self.make(bmc.port).open,
        )

    def test_truncated_response_raises(self):
        for length in (4, 9, 13, 20, 22):
            bmc = self.useFixture(FaultyBMC(IPMI_15_ONLY[:length]))
            self.assertRaises(exception.DriverError, self.make(bmc.port).open)

    def test_ipmi_1_5_bmc_is_rejected(self):
        bmc = self.useFixture(FaultyBMC(IPMI_15_ONLY))

        self.assertFails(
            exception.ProtocolError,
            'IPMI 2.0 is required',
            self.make(bmc.port).open,
        )

    def test_unresolvable_name_is_reported(self):
        for host in ('bmc.invalid', 'bmc..invalid'):
            self.assertFails(
                exception.DeviceUnreachable,
                'cannot resolve the host name',
                self.make(623, host=host).open,
            )

    def test_failed_login_closes_its_socket(self):
        bmc = self.useFixture(FaultyBMC())
        session = self.make(bmc.port)
        before = os.listdir('/proc/self/fd')

        try:
            session.open()
        except exception.DeviceUnreachable as error:
            # The traceback keeps objects that were not closed alive.
            self.assertIsNotNone(error.__traceback__)
            self.assertEqual(before, os.listdir('/proc/self/fd'))

        self.assertEqual({}, simplesession.Session.keepalive_sessions)

    def test_invalid_kg_is_rejected_without_quoting_it(self):
        error = self.assertRaises(
            exception.DriverError, self.make(623, kg='0x12q4').open
        )

        self.assertIn('hexadecimal', str(error))
        self.assertNotIn('12q4', str(error))

    def test_session_repr_hides_secrets(self):
        session = self.make(623, kg='topsecret')

        for text in (repr(session), str(session), session.device):
            self.assertNotIn(PASSWORD, text)
            self.assertNotIn('topsecret', text)
