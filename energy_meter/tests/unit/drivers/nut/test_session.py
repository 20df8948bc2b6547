# SPDX-License-Identifier: Apache-2.0

"""Responses of an upsd, among them those that no real one sends."""

import socket
import types
import typing
from unittest import mock

import hypothesis
from hypothesis import strategies
from oslotest import base

from energy_meter import exception
from energy_meter.drivers.common import bounds
from energy_meter.drivers.nut import session

OPTIONS = {
    'host': 'upsd',
    'port': 3493,
    'timeout': 5.0,
    'tls': False,
    'ca_file': None,
    'username': None,
    'password': None,
}
NAME = 'upsd:3493'

VALUES = strategies.text(
    strategies.characters(codec='utf-8', exclude_categories=['Cc']),
    max_size=40,
)


class SessionTest(base.BaseTestCase):
    def open(self, response: str, **options: typing.Any) -> session.Session:
        """Open a session with an upsd that sends only this response."""
        ours, self.upsd = socket.socketpair()
        self.addCleanup(self.upsd.close)
        self.upsd.sendall(response.encode())
        self.upsd.shutdown(socket.SHUT_WR)
        opened = session.Session(types.SimpleNamespace(**OPTIONS | options))
        self.addCleanup(opened.close)
        with mock.patch.object(socket, 'create_connection', return_value=ours):
            opened.open()
        return opened

    def variables_error(self, response: str) -> exception.DriverError:
        return self.assertRaises(
            exception.DriverError, self.open(response).variables, 'rack'
        )

    @hypothesis.given(
        strategies.dictionaries(
            strategies.from_regex(r'[a-z0-9.]+', fullmatch=True), VALUES
        )
    )
    def test_quoted_values_are_decoded(self, variables):
        lines = [
            f'VAR rack {name} {session._quote(value)}\n'
            for name, value in variables.items()
        ]

        opened = self.open(
            f'BEGIN LIST VAR rack\n{"".join(lines)}END LIST VAR rack\n'
        )

        self.assertEqual(variables, opened.variables('rack'))

    @hypothesis.given(strategies.binary(max_size=60))
    def test_other_responses_are_errors(self, noise):
        response = noise.decode('latin-1')
        hypothesis.assume(not response.startswith('BEGIN'))

        self.variables_error(response)

    def test_user_and_password_are_sent(self):
        self.open('OK\nOK\n', username='me ter', password='a"b')

        self.assertEqual(
            b'USERNAME "me ter"\nPASSWORD "a\\"b"\n', self.upsd.recv(1000)
        )

    def test_rejected_password_is_an_error_without_it(self):
        error = self.assertRaises(
            exception.AuthenticationFailed,
            self.open,
            'OK\nERR INVALID-PASSWORD\n',
            username='meter',
            password='s3cret',
        )

        self.assertEqual(
            f'{NAME} refused the credentials of user meter', str(error)
        )

    def test_denied_access_is_an_error(self):
        self.assertIsInstance(
            self.variables_error('ERR ACCESS-DENIED\n'),
            exception.AuthenticationFailed,
        )

    def test_unknown_error_is_shown(self):
        self.assertEqual(
            f'{NAME}: LIST VAR rack: upsd returned OUT-OF-COFFEE',
            str(self.variables_error('ERR OUT-OF-COFFEE now\n')),
        )

    def test_variables_of_another_ups_are_an_error(self):
        for response in (
            'BEGIN LIST VAR lab\nEND LIST VAR lab\n',
            'BEGIN LIST VAR rack\nVAR lab ups.realpower "7"\n',
            'BEGIN LIST VAR rack\nVAR rack ups.realpower 7\n',
        ):
            self.assertIn(
                'is not a response of upsd',
                str(self.variables_error(response)),
            )

    def test_truncated_response_is_an_error(self):
        error = self.variables_error(
            'BEGIN LIST VAR rack\nVAR rack ups.realpower "412"\nEND LIST'
        )

        self.assertEqual(
            f'{NAME} did not answer: upsd closed the connection', str(error)
        )

    def test_endless_response_is_an_error(self):
        self.patch(bounds, 'MAX_NUT_BYTES', 1000)

        self.assertIn('more than 1 MB', str(self.variables_error('x' * 2000)))

    def test_requests_after_a_failure_have_its_error(self):
        opened = self.open('')

        first, second = (
            self.assertRaises(
                exception.DeviceUnreachable, opened.variables, name
            )
            for name in ('rack', 'lab')
        )

        self.assertEqual(str(first), str(second))

    def test_data_before_the_handshake_is_discarded(self):
        context = mock.Mock()
        context.wrap_socket.return_value.recv.return_value = b''
        with mock.patch('ssl.create_default_context', return_value=context):
            opened = self.open(
                'OK STARTTLS\nBEGIN LIST VAR rack\nEND LIST VAR rack\n',
                tls=True,
            )

        self.assertRaises(
            exception.DeviceUnreachable, opened.variables, 'rack'
        )
        (call,) = context.wrap_socket.call_args_list
        self.assertEqual({'server_hostname': 'upsd'}, call.kwargs)
