# SPDX-License-Identifier: Apache-2.0

"""Tests for ``/metrics`` and its authentication."""

import base64

import bcrypt
from keystoneauth1 import fixture as ksa_fixture
from keystonemiddleware import fixture
from oslotest import base as oslotest
from prometheus_client import parser

from energy_meter import conf as energy_meter_conf
from energy_meter import exception
from energy_meter.api import app
from energy_meter.db import sums
from energy_meter.tests import rows
from energy_meter.tests.unit.api import base


class MetricsTest(base.APITestCase):
    config = (
        base.APITestCase.config + '[rrd]\nscope_precedence = outlet, node\n'
    )

    def read(self, name):
        """Return the values of a metric, by probe."""
        return {
            sample.labels['probe']: sample.value
            for family in parser.text_string_to_metric_families(
                self.get('/metrics').text
            )
            for sample in family.samples
            if sample.name == f'energy_meter_probe_{name}'
        }

    def test_power_and_energy_are_reported(self):
        self.insert('a', '"b"', watts=20.0)

        self.assertEqual({'a': 20.0, '"b"': 20.0}, self.read('power_watts'))
        self.assertEqual(
            {'a': 4.5e6, '"b"': 4.5e6}, self.read('energy_joules_total')
        )

    def test_stale_probe_is_omitted(self):
        self.insert('fresh')
        self.insert('stale', last_seen_at=rows.now() - 301_000)

        for name in 'power_watts', 'energy_joules_total', 'included':
            self.assertEqual(['fresh'], [*self.read(name)])

    def test_sum_probe_is_included_instead_of_its_parts(self):
        self.insert('a', 'b', host='pdu', watts=20.0)
        self.insert('c', host='n1')
        with self.engine.begin() as connection:
            sums.configure(
                connection, [sums.Sum('total', 'n1', frozenset(('a', 'b')))]
            )

        self.assertEqual(40.0, self.read('power_watts')['total'])
        self.assertEqual(
            {'a': 0, 'b': 0, 'c': 0, 'total': 1}, self.read('included')
        )

    def test_scope_precedence_selects_included_probes(self):
        self.insert('bmc', host='n1')
        self.insert('pdu', host='n1', scope='outlet')

        self.assertEqual({'bmc': 0, 'pdu': 1}, self.read('included'))

    def test_accept_header_selects_format(self):
        for accept, kind in (
            ('text/plain', 'text/plain'),
            (
                'application/openmetrics-text;version=1.0.0',
                'application/openmetrics-text',
            ),
        ):
            response = self.get('/metrics', Accept=accept)

            self.assertEqual(kind, response.content_type)
            self.assertEqual('utf-8', response.charset.lower())
            self.assertEqual('no-store', response.headers['Cache-Control'])

    def test_trailing_slash_is_ignored(self):
        self.insert('a')

        self.assertEqual(self.get('/metrics').body, self.get('/metrics/').body)

    def test_head_response_has_no_body(self):
        self.assertEqual(b'', self.api.head('/metrics').body)


class PasswordTest(base.APITestCase):
    config = (
        '[keystone_authtoken]\n'
        'auth_type = none\n'
        'www_authenticate_uri = http://keystone.example/\n'
        '[api]\nmetrics_htpasswd = {directory}/htpasswd\n'
    )

    def setUp(self):
        super().setUp()
        self.tokens = self.useFixture(fixture.AuthTokenFixture())
        self.insert('a')

    def prepare(self):
        digest = bcrypt.hashpw(b'secret', bcrypt.gensalt(4)).decode()
        (self.directory / 'htpasswd').write_text(f'prometheus:{digest}\n')

    def basic(self, username, password):
        text = base64.b64encode(f'{username}:{password}'.encode()).decode()
        return {'Authorization': f'Basic {text}'}

    def token(self, role):
        token = ksa_fixture.V3Token(project_id='project')
        token.add_role(name=role)
        return {'X-Auth-Token': self.tokens.add_token(token)}

    def test_scraper_authenticates_with_password(self):
        for page in '/metrics', '/metrics/':
            self.assertIn(
                'probe="a"',
                self.get(page, **self.basic('prometheus', 'secret')).text,
            )

    def test_wrong_password_is_rejected(self):
        for username, password in (('prometheus', 'wrong'), ('eve', 'secret')):
            response = self.get(
                '/metrics', 401, **self.basic(username, password)
            )

            self.assertIn('Basic', response.headers['WWW-Authenticate'])
            self.assert_error(response)

    def test_password_is_rejected_by_other_paths(self):
        for page in '/v1/probes/', '/v1/probe-ids/', '/v1/probes/a/':
            self.get(page, 401, **self.basic('prometheus', 'secret'))

    def test_token_is_accepted_as_well(self):
        self.get('/metrics', **self.token('service'))
        self.get('/metrics', 403, **self.token('reader'))

    def test_request_without_credentials_is_rejected(self):
        self.get('/metrics', 401)
        self.get(
            '/metrics',
            401,
            **{
                'X-Roles': 'admin',
                'X-Identity-Status': 'Confirmed',
                'X-Project-Id': 'project',
            },
        )


class ConfigurationTest(oslotest.BaseTestCase):
    def test_missing_htpasswd_file_is_rejected(self):
        conf = energy_meter_conf.load([], 'test', files=[])
        conf.set_override('auth_strategy', 'noauth', 'api')
        conf.set_override('metrics_htpasswd', '/nonexistent', 'api')

        error = self.assertRaises(exception.ConfigurationError, app.make, conf)

        self.assertIn('[api] metrics_htpasswd: /nonexistent', str(error))
