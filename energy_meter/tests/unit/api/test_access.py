# SPDX-License-Identifier: Apache-2.0

"""Tests for authentication and authorization."""

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
    def test_request_without_token_is_rejected_unless_public(self):
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

    def test_invalid_token_is_rejected(self):
        for page in PRIVATE:
            self.assert_error(self.get(page, 401, **{'X-Auth-Token': 'x'}))

    def test_roles_admin_and_service_are_authorized(self):
        for role in ('admin', 'service'):
            for page in PRIVATE:
                self.get(page, **self.token(role))

    def test_other_roles_are_forbidden(self):
        for roles in ((), ('member', 'reader'), ('manager',)):
            token = self.token(*roles)
            for page in PRIVATE:
                self.assertIn(
                    'Policy', self.assert_error(self.get(page, 403, **token))
                )

    def test_domain_administrator_is_forbidden(self):
        token = ksa_fixture.V3Token(domain_id='domain')
        token.add_role(name='admin')

        self.get(
            '/v1/probes/',
            403,
            **{'X-Auth-Token': self.tokens.add_token(token)},
        )

    def test_system_administrator_is_authorized(self):
        token = ksa_fixture.V3Token()
        token.set_system_scope()
        token.add_role(name='admin')

        self.get(
            '/v1/probes/', **{'X-Auth-Token': self.tokens.add_token(token)}
        )

    def test_identity_headers_of_client_are_ignored(self):
        claim = {
            'X-Roles': 'admin',
            'X-Identity-Status': 'Confirmed',
            'X-Project-Id': 'project',
        }

        self.get('/v1/probes/', 401, **claim)
        self.get('/v1/probes/', 403, **claim, **self.token('member'))

    def test_conditional_request_requires_authorization(self):
        tag = self.get('/v1/probes/', **self.token('admin')).headers['ETag']

        for etag in (tag, '*'):
            matches = {'If-None-Match': etag}
            self.get('/v1/probes/', 304, **matches, **self.token('admin'))
            self.get('/v1/probes/', 403, **matches, **self.token('member'))
            self.get('/v1/probes/', 401, **matches)


class PolicyFileTest(_KeystoneTestCase):
    config = (
        _KeystoneTestCase.config
        + '[oslo_policy]\npolicy_file = {directory}/policy.yaml\n'
    )

    def prepare(self):
        (self.directory / 'policy.yaml').touch()

    def test_policy_file_overrides_default(self):
        member = self.token('member')
        self.get('/v1/probes/', 403, **member)

        (self.directory / 'policy.yaml').write_text(
            '"energy_meter:probes:list": "role:member"\n'
        )

        self.get('/v1/probes/', **member)
        self.get('/v1/probes/a/', 403, **member)


class AuditorTest(_KeystoneTestCase):
    """Tests for the policy file of the documentation."""

    config = PolicyFileTest.config

    def prepare(self):
        page = (ROOT / 'doc/source/admin/policy.rst').read_text()
        rule, *_ = re.findall(r'code-block:: yaml\n((?:\n|   .*\n)+)', page)
        (self.directory / 'policy.yaml').write_text(textwrap.dedent(rule))

    def system(self, role):
        token = ksa_fixture.V3Token()
        token.set_system_scope()
        token.add_role(name=role)
        return {'X-Auth-Token': self.tokens.add_token(token)}

    def test_auditors_are_authorized(self):
        for token in (
            self.token('auditor'),
            self.system('reader'),
            self.system('auditor'),
        ):
            for page in PRIVATE:
                self.get(page, **token)

    def test_default_roles_stay_authorized(self):
        for token in (
            self.token('admin'),
            self.token('service'),
            self.system('admin'),
        ):
            for page in PRIVATE:
                self.get(page, **token)

    def test_other_roles_stay_forbidden(self):
        for token in (
            self.token('reader'),
            self.token('member', 'manager'),
            self.system('member'),
        ):
            for page in PRIVATE:
                self.get(page, 403, **token)


class NoauthTest(base.APITestCase):
    def test_requests_need_no_token(self):
        self.insert('a')

        for page in (*PUBLIC, *PRIVATE):
            self.get(page)


class ConfigurationTest(oslotest.BaseTestCase):
    def test_missing_keystone_section_is_rejected(self):
        conf = energy_meter_conf.load([], 'test', files=[])

        error = self.assertRaises(exception.ConfigurationError, app.make, conf)

        self.assertIn('[keystone_authtoken] auth_type', str(error))
        self.assertIn('auth_strategy = noauth', str(error))

    def test_incomplete_keystone_section_is_rejected(self):
        file = self.create_tempfiles(
            [('test', '[keystone_authtoken]\nauth_type = password\n')]
        )[0]
        conf = energy_meter_conf.load(['--config-file', file], 'test')

        error = self.assertRaises(exception.ConfigurationError, app.make, conf)

        self.assertIn('[keystone_authtoken]', str(error))
        self.assertIn('auth_url', str(error))

    def test_missing_policy_file_is_rejected(self):
        (file,) = self.create_tempfiles(
            [
                (
                    'test',
                    '[keystone_authtoken]\nauth_type = none\n'
                    '[oslo_policy]\npolicy_file = strict.yaml\n',
                )
            ]
        )
        conf = energy_meter_conf.load(['--config-file', file], 'test')

        error = self.assertRaises(exception.ConfigurationError, app.make, conf)

        self.assertIn(
            '[oslo_policy] policy_file: cannot load strict.yaml: there is no '
            'such file',
            str(error),
        )

    def test_invalid_policy_file_is_rejected(self):
        rules, file = self.create_tempfiles(
            [
                ('policy', '"site_reader": "role:admin\n'),
                ('test', '[keystone_authtoken]\nauth_type = none\n'),
            ]
        )
        conf = energy_meter_conf.load(['--config-file', file], 'test')
        policy_opts.set_defaults(conf, policy_file=rules)

        error = self.assertRaises(exception.ConfigurationError, app.make, conf)

        self.assertIn(
            f'[oslo_policy] policy_file: cannot load {rules}', str(error)
        )
        self.assertNotIn('\n', str(error))
