# SPDX-License-Identifier: Apache-2.0

"""A name and a password."""

import pathlib

import bcrypt
import fixtures
from oslotest import base
import webtest

from energy_meter import exception
from energy_meter.web import basic_auth


def application(environ, start_response):
    start_response('200 OK', [('Content-Type', 'text/plain')])
    return [environ.get(basic_auth.NAME, 'nobody').encode()]


class BasicAuthTest(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.file = (
            pathlib.Path(self.useFixture(fixtures.TempDir()).path) / 'htpasswd'
        )
        self.write('ada', 'right')

    def write(self, name, password):
        digest = bcrypt.hashpw(password.encode(), bcrypt.gensalt(4))
        self.file.write_text(f'{name}:{digest.decode()}\n')

    def make(self):
        return basic_auth.BasicAuth(application, str(self.file), 'rrd')

    def get(self, name, password, status):
        client = webtest.TestApp(self.make())
        client.authorization = ('Basic', (name, password))
        return client.get('/', status=status)

    def test_lets_in_whom_the_file_names(self):
        self.assertEqual(b'ada', self.get('ada', 'right', 200).body)

    def test_nobody_else(self):
        for name, password in (
            ('ada', 'wrong'),
            ('eve', 'right'),
            ('', ''),
            ('ada', 'x' * 100),
            ('ada', ''),
        ):
            self.get(name, password, 401)

    def test_a_browser_asks_for_a_password(self):
        response = webtest.TestApp(self.make()).get('/', status=401)

        self.assertIn('Basic realm=', response.headers['WWW-Authenticate'])

    def test_a_header_that_makes_no_sense(self):
        client = webtest.TestApp(self.make())
        for header in ('', 'Basic', 'Basic ?', 'Bearer x', 'Basic YQ=='):
            client.get('/', status=401, headers={'Authorization': header})

    def test_requests_without_a_password_may_go_elsewhere(self):
        client = webtest.TestApp(
            basic_auth.BasicAuth(
                application, str(self.file), 'api', otherwise=application
            )
        )

        self.assertEqual(b'nobody', client.get('/').body)
        client.authorization = ('Basic', ('ada', 'wrong'))
        client.get('/', status=401)

    def test_a_password_that_is_changed_while_it_runs(self):
        self.get('ada', 'right', 200)

        self.write('ada', 'new')

        self.get('ada', 'right', 401)
        self.get('ada', 'new', 200)

    def test_a_file_that_is_not_there(self):
        self.file.unlink()

        error = self.assertRaises(exception.ConfigurationError, self.make)

        self.assertIn('[rrd] htpasswd', str(error))

    def test_a_digest_of_another_kind(self):
        self.file.write_text('ada:$apr1$x$y\n')

        error = self.assertRaises(exception.ConfigurationError, self.make)

        self.assertIn('htpasswd -B', str(error))
