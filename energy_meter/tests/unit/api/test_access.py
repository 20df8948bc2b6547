# SPDX-License-Identifier: Apache-2.0

"""Access: whom the API answers."""

import pathlib
import re
import textwrap

from keystoneauth1 import fixture as ksa_fixture
from keystonemiddleware import fixture
from oslo_policy import opts as policy_opts
from oslotest import base as oslotest

import energy_meter
from energy_meter import conf as energy_meter_conf
from energy_meter import exception
from energy_meter.api import app
from energy_meter.tests.unit.api import base

ROOT = pathlib.Path(energy_meter.__file__).parents[1]

PRIVATE = (
    '/v1/probe-ids/',
    '/v1/probes/',
    '/v1/probes/a/',
    '/v1/probes/a/w/',
    '/metrics',
)
PUBLIC = ('/', '/v1', '/v1/', '/healthcheck', '/healthcheck/')


class _KeystoneTestCase(base.APITestCase):
    config = (
        '[keystone_authtoken]\n'
        'auth_type = none\n'
        'www_authenticate_uri = http://keystone.example/\n'
    )

    def setUp(self):
        super().setUp()
        self.tokens = self.useFixture(fixture.AuthTokenFixture())
        self.insert('a')

    def token(self, *roles):
        token = ksa_fixture.V3Token(project_id='project')
        for role in roles:
            token.add_role(name=role)
        return {'X-Auth-Token': self.tokens.add_token(token)}


class KeystoneTest(_KeystoneTestCase):
    def test_without_a_token_only_public_pages_are_shown(self):
        for page in PUBLIC:
            self.get(page)
        for page in (
            *PRIVATE,
            '/nothing',
            '/v1/nothing/',
            '//v1/probes/',
            '/v1//probes/',
            '/v1/probes/..',
            '/v1%2Fprobes',
            '/%2Fv1/probes/',
        ):
            response = self.get(page, 401)

            self.assertEqual(
                'Keystone uri="http://keystone.example/"',
                response.headers['WWW-Authenticate'],
            )
            self.assert_error(response)

    def test_a_bad_token(self):
        for page in PRIVATE:
            self.assert_error(self.get(page, 401, **{'X-Auth-Token': 'x'}))

    def test_admin_and_service_read(self):
        for role in ('admin', 'service'):
            for page in PRIVATE:
                self.get(page, **self.token(role))

    def test_others_do_not(self):
        for roles in ((), ('member', 'reader'), ('manager',)):
            token = self.token(*roles)
            for page in PRIVATE:
                self.assertIn(
                    'policy', self.assert_error(self.get(page, 403, **token))
                )

    def test_the_administrator_of_a_domain_does_not(self):
        token = ksa_fixture.V3Token(domain_id='domain')
        token.add_role(name='admin')

        self.get(
            '/v1/probes/',
            403,
            **{'X-Auth-Token': self.tokens.add_token(token)},
        )

    def test_the_administrator_of_the_system_reads(self):
        token = ksa_fixture.V3Token()
        token.set_system_scope()
        token.add_role(name='admin')

        self.get(
            '/v1/probes/', **{'X-Auth-Token': self.tokens.add_token(token)}
        )

    def test_roles_that_the_client_claims_do_not_count(self):
        claim = {
            'X-Roles': 'admin',
            'X-Identity-Status': 'Confirmed',
            'X-Project-Id': 'project',
        }

        self.get('/v1/probes/', 401, **claim)
        self.get('/v1/probes/', 403, **claim, **self.token('member'))

    def test_what_a_client_has_is_not_confirmed_to_others(self):
        tag = self.get('/v1/probes/', **self.token('admin')).headers['ETag']

        for given in (tag, '*'):
            matches = {'If-None-Match': given}
            self.get('/v1/probes/', 304, **matches, **self.token('admin'))
            self.get('/v1/probes/', 403, **matches, **self.token('member'))
            self.get('/v1/probes/', 401, **matches)


class PolicyFileTest(_KeystoneTestCase):
    config = (
        _KeystoneTestCase.config
        + '[oslo_policy]\npolicy_file = {directory}/policy.yaml\n'
    )

    def test_operators_change_who_may_read(self):
        member = self.token('member')
        self.get('/v1/probes/', 403, **member)

        (self.directory / 'policy.yaml').write_text(
            '"energy_meter:probes:list": "role:member"\n'
        )

        self.get('/v1/probes/', **member)
        self.get('/v1/probes/a/', 403, **member)


class AuditorTest(_KeystoneTestCase):
    """The policy file of the documentation."""

    config = PolicyFileTest.config

    def prepare(self):
        page = (ROOT / 'doc/source/admin/policy.rst').read_text()
        (rule,) = re.findall(r'code-block:: yaml\n((?:\n|   .*\n)+)', page)
        (self.directory / 'policy.yaml').write_text(textwrap.dedent(rule))

    def system(self, role):
        token = ksa_fixture.V3Token()
        token.set_system_scope()
        token.add_role(name=role)
        return {'X-Auth-Token': self.tokens.add_token(token)}

    def test_auditors_read_everything(self):
        for token in (
            self.token('auditor'),
            self.system('reader'),
            self.system('auditor'),
        ):
            for page in PRIVATE:
                self.get(page, **token)

    def test_those_who_read_before_still_do(self):
        for token in (
            self.token('admin'),
            self.token('service'),
            self.system('admin'),
        ):
            for page in PRIVATE:
                self.get(page, **token)

    def test_others_still_do_not(self):
        for token in (
            self.token('reader'),
            self.token('member', 'manager'),
            self.system('member'),
        ):
            for page in PRIVATE:
                self.get(page, 403, **token)


class NoauthTest(base.APITestCase):
    def test_everybody_reads(self):
        self.insert('a')

        for page in (*PUBLIC, *PRIVATE):
            self.get(page)


class ConfigurationTest(oslotest.BaseTestCase):
    def test_keystone_that_is_not_configured(self):
        conf = energy_meter_conf.load([], 'test', files=[])

        error = self.assertRaises(exception.ConfigurationError, app.make, conf)

        self.assertIn('[keystone_authtoken] auth_type', str(error))
        self.assertIn('auth_strategy = noauth', str(error))

    def test_keystone_that_is_configured_by_half(self):
        file = self.create_tempfiles(
            [('test', '[keystone_authtoken]\nauth_type = password\n')]
        )[0]
        conf = energy_meter_conf.load(['--config-file', file], 'test')

        error = self.assertRaises(exception.ConfigurationError, app.make, conf)

        self.assertIn('[keystone_authtoken]', str(error))
        self.assertIn('auth_url', str(error))

    def test_policy_that_is_no_yaml(self):
        rules, file = self.create_tempfiles(
            [
                ('policy', '"site_reader": "role:admin\n'),
                ('test', '[keystone_authtoken]\nauth_type = none\n'),
            ]
        )
        conf = energy_meter_conf.load(['--config-file', file], 'test')
        policy_opts.set_defaults(conf, policy_file=rules)

        error = self.assertRaises(exception.ConfigurationError, app.make, conf)

        self.assertIn(f'[oslo_policy] policy_file: {rules}', str(error))
        self.assertNotIn('\n', str(error))
