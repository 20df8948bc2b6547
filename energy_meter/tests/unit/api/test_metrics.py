# SPDX-License-Identifier: Apache-2.0

"""Metrics: what Prometheus gets, and who is let in for it."""

import base64
import time

import bcrypt
from keystoneauth1 import fixture as ksa_fixture
from keystonemiddleware import fixture
from oslotest import base as oslotest
from prometheus_client import parser

from energy_meter import conf as energy_meter_conf
from energy_meter import exception
from energy_meter.api import app
from energy_meter.db import sums
from energy_meter.tests.unit.api import base


class MetricsTest(base.APITestCase):
    config = base.APITestCase.config + '[rrd]\nscopes = outlet, node\n'

    def read(self, name):
        """Give what a metric shows, by probe."""
        return {
            sample.labels['probe']: sample.value
            for family in parser.text_string_to_metric_families(
                self.get('/metrics').text
            )
            for sample in family.samples
            if sample.name == f'energy_meter_probe_{name}'
        }

    def test_probes_with_power_and_energy(self):
        self.insert('a', '"b"', watts=20.0)

        self.assertEqual({'a': 20.0, '"b"': 20.0}, self.read('power_watts'))
        self.assertEqual(
            {'a': 4.5e6, '"b"': 4.5e6}, self.read('energy_joules_total')
        )

    def test_a_stale_probe_is_gone(self):
        self.insert('fresh')
        self.insert('stale', heard_at=time.time() - 301)

        for name in 'power_watts', 'energy_joules_total', 'counted':
            self.assertEqual(['fresh'], [*self.read(name)])

    def test_sums(self):
        self.insert('a', 'b', host='pdu', watts=20.0)
        self.insert('c', host='n1')
        with self.engine.begin() as connection:
            sums.configure(
                connection, [sums.Sum('total', 'n1', frozenset(('a', 'b')))]
            )

        self.assertEqual(40.0, self.read('power_watts')['total'])
        self.assertEqual(
            {'a': 0, 'b': 0, 'c': 0, 'total': 1}, self.read('counted')
        )

    def test_the_order_of_scopes_is_that_of_the_graphs(self):
        self.insert('bmc', host='n1')
        self.insert('pdu', host='n1', scope='outlet')

        self.assertEqual({'bmc': 0, 'pdu': 1}, self.read('counted'))

    def test_the_format_is_negotiated(self):
        for accept, kind in (
            ('text/plain', 'text/plain'),
            (
                'application/openmetrics-text;version=1.0.0',
                'application/openmetrics-text',
            ),
        ):
            answer = self.get('/metrics', Accept=accept)

            self.assertEqual(kind, answer.content_type)
            self.assertEqual('utf-8', answer.charset.lower())
            self.assertEqual('no-store', answer.headers['Cache-Control'])

    def test_a_trailing_slash_makes_no_difference(self):
        self.insert('a')

        self.assertEqual(self.get('/metrics').body, self.get('/metrics/').body)

    def test_a_head_has_no_body(self):
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

    def basic(self, name, password):
        text = base64.b64encode(f'{name}:{password}'.encode()).decode()
        return {'Authorization': f'Basic {text}'}

    def token(self, role):
        token = ksa_fixture.V3Token(project_id='project')
        token.add_role(name=role)
        return {'X-Auth-Token': self.tokens.add_token(token)}

    def test_a_scraper_reads_with_a_password(self):
        for page in '/metrics', '/metrics/':
            self.assertIn(
                'probe="a"',
                self.get(page, **self.basic('prometheus', 'secret')).text,
            )

    def test_a_wrong_password(self):
        for name, password in (('prometheus', 'wrong'), ('eve', 'secret')):
            answer = self.get('/metrics', 401, **self.basic(name, password))

            self.assertIn('Basic', answer.headers['WWW-Authenticate'])
            self.assert_error(answer)

    def test_a_password_is_good_for_metrics_only(self):
        for page in '/v1/probes/', '/v1/probe-ids/', '/v1/probes/a/':
            self.get(page, 401, **self.basic('prometheus', 'secret'))

    def test_tokens_are_good_as_well(self):
        self.get('/metrics', **self.token('service'))
        self.get('/metrics', 403, **self.token('reader'))

    def test_nobody_else(self):
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
    def test_a_file_of_passwords_that_is_not_there(self):
        conf = energy_meter_conf.load([], 'test', files=[])
        conf.set_override('auth_strategy', 'noauth', 'api')
        conf.set_override('metrics_htpasswd', '/nonexistent', 'api')

        error = self.assertRaises(exception.ConfigurationError, app.make, conf)

        self.assertIn('[api] metrics_htpasswd: /nonexistent', str(error))
