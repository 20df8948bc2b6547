# SPDX-License-Identifier: Apache-2.0

"""Tests for HTTP basic authentication."""

import pathlib

import bcrypt
import fixtures
from oslotest import base
import webtest

from energy_meter import exception
from energy_meter.web import basic_auth


def application(environ, start_response):
    start_response('200 OK', [('Content-Type', 'text/plain')])
    return [environ.get(basic_auth.USERNAME, 'anonymous').encode()]


class BasicAuthTest(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.file = (
            pathlib.Path(self.useFixture(fixtures.TempDir()).path) / 'htpasswd'
        )
        self.write('ada', 'right')

    def write(self, username, password):
        digest = bcrypt.hashpw(password.encode(), bcrypt.gensalt(4))
        self.file.write_text(f'{username}:{digest.decode()}\n')

    def make(self):
        return basic_auth.BasicAuth(application, str(self.file), 'rrd')

    def get(self, username, password, status):
        client = webtest.TestApp(self.make())
        client.authorization = ('Basic', (username, password))
        return client.get('/', status=status)

    def test_user_of_file_is_authenticated(self):
        self.assertEqual(b'ada', self.get('ada', 'right', 200).body)

    def test_other_credentials_are_rejected(self):
        for username, password in (
            ('ada', 'wrong'),
            ('eve', 'right'),
            ('', ''),
            ('ada', 'x' * 100),
            ('ada', ''),
        ):
            self.get(username, password, 401)

    def test_missing_credentials_are_challenged(self):
        response = webtest.TestApp(self.make()).get('/', status=401)

        self.assertIn('Basic realm=', response.headers['WWW-Authenticate'])

    def test_malformed_header_is_rejected(self):
        client = webtest.TestApp(self.make())
        for header in ('', 'Basic', 'Basic ?', 'Bearer x', 'Basic YQ=='):
            client.get('/', status=401, headers={'Authorization': header})

    def test_request_without_credentials_is_passed_to_fallback(self):
        client = webtest.TestApp(
            basic_auth.BasicAuth(
                application, str(self.file), 'api', fallback=application
            )
        )

        self.assertEqual(b'anonymous', client.get('/').body)
        client.authorization = ('Basic', ('ada', 'wrong'))
        client.get('/', status=401)

    def test_changed_file_takes_effect(self):
        self.get('ada', 'right', 200)

        self.write('ada', 'new')

        self.get('ada', 'right', 401)
        self.get('ada', 'new', 200)

    def test_missing_file_is_rejected(self):
        self.file.unlink()

        error = self.assertRaises(exception.ConfigurationError, self.make)

        self.assertIn('[rrd] htpasswd', str(error))

    def test_hash_other_than_bcrypt_is_rejected(self):
        self.file.write_text('ada:$apr1$x$y\n')

        error = self.assertRaises(exception.ConfigurationError, self.make)

        self.assertIn('htpasswd -B', str(error))
