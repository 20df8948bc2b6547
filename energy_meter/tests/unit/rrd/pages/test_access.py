# SPDX-License-Identifier: Apache-2.0

"""Tests of authentication and authorization of the pages."""

import bcrypt
from keystoneauth1 import fixture as ksa_fixture
from keystonemiddleware import fixture

from energy_meter import exception
from energy_meter.rrd.pages import app
from energy_meter.tests.unit.rrd.pages import base

PRIVATE = (
    '/',
    '/last/hour/',
    '/probe/a/',
    '/graph/hour/',
    '/graph/hour/a/',
    '/data/hour/',
    '/data/hour/a/',
    '/rrd/a/',
    '/period/1795132800-1795136400/',
    '/probe/a/1795132800-1795136400/',
)


class KeystoneTest(base.PagesTestCase):
    config = (
        '[rrd]\nauth_strategy = keystone\n'
        '[keystone_authtoken]\nauth_type = none\n'
    )

    def setUp(self):
        super().setUp()
        self.tokens = self.useFixture(fixture.AuthTokenFixture())
        self.archive.add('a')

    def token(self, *roles):
        token = ksa_fixture.V3Token(project_id='project')
        for role in roles:
            token.add_role(name=role)
        return {'X-Auth-Token': self.tokens.add_token(token)}

    def test_request_without_token_is_rejected(self):
        for url in (*PRIVATE, '/nothing', '/static/pages.css'):
            self.get(url, 401)

    def test_admin_and_service_can_read(self):
        for role in ('admin', 'service'):
            for url in PRIVATE[1:]:
                self.get(url, **self.token(role))

    def test_energy_needs_the_same_token(self):
        for url in ('/energy/day/', '/energy/day/a/?format=json'):
            self.get(url, 401)
            self.get(url, 403, **self.token('reader'))

    def test_other_roles_are_forbidden(self):
        for url in (*PRIVATE, '/nothing'):
            self.get(url, 403, **self.token('reader', 'member'))


class BasicTest(base.PagesTestCase):
    config = (
        '[rrd]\nauth_strategy = http_basic\nhtpasswd = {directory}/htpasswd\n'
    )

    def prepare(self):
        digest = bcrypt.hashpw(b'secret', bcrypt.gensalt(4)).decode()
        (self.directory / 'htpasswd').write_text(f'ada:{digest}\n')

    def setUp(self):
        super().setUp()
        self.archive.add('a')

    def test_request_without_password_is_challenged(self):
        for url in PRIVATE:
            response = self.get(url, 401)

            self.assertIn('Basic', response.headers['WWW-Authenticate'])

    def test_password_gives_access(self):
        self.pages.authorization = ('Basic', ('ada', 'secret'))

        for url in PRIVATE[1:]:
            self.get(url)

    def test_health_check_needs_no_password(self):
        self.get('/healthcheck')


class AddressTest(base.PagesTestCase):
    def test_public_address_without_authentication_is_rejected(self):
        self.conf.set_override('bind_host', '0.0.0.0', 'rrd')

        error = self.assertRaises(
            exception.ConfigurationError, app.serve, self.conf
        )

        self.assertIn('[rrd] bind_host', str(error))

    def test_public_address_can_be_allowed(self):
        self.conf.set_override('bind_host', '0.0.0.0', 'rrd')
        self.conf.set_override('allow_public_noauth', True, 'rrd')

        app.serve(self.conf)
