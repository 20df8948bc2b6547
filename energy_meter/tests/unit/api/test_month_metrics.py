# SPDX-License-Identifier: Apache-2.0

"""Tests for ``/metrics/energy``."""

import base64

import bcrypt
from keystoneauth1 import fixture as ksa_fixture
from keystonemiddleware import fixture
from prometheus_client import parser

from energy_meter.db import schema
from energy_meter.tests import rows
from energy_meter.tests.unit.api import base
from energy_meter.tests.unit.api import test_instances
from energy_meter.tests.unit.db import hosts

WH = test_instances.WH
#: What the host used on the closed day, in Wh: 100 W of an idle host, and 10
#: for each CPU: half a CPU of overhead, one all day, two for half of it.
HOST_WH = 24 * (100 + 5 + 10) + 12 * 20


class MonthMetricsTest(test_instances.AttributedTestCase):
    config = f'{base.APITestCase.config}datacenter = fra1\n'

    def read(self, name, *labels):
        """Return the values of a metric in mJ, by some of its labels."""
        return {
            tuple(sample.labels.get(label) for label in labels): round(
                sample.value * 3.6e9
            )
            for family in parser.text_string_to_metric_families(
                self.get('/metrics/energy').text
            )
            for sample in family.samples
            if sample.name == name
        }

    def energy(self, kind):
        """Return the energy in mJ of the closed day, as the API reports it."""
        document = self.get(f'/v1/{kind}?{test_instances.CLOSED}').json
        key = f'{kind[:-1]}_id'
        return {
            (each[key],): int(each['total']['millijoules'])
            for each in document[kind]
        }

    def test_devices_have_the_energy_of_closed_days(self):
        # Of the wall clock, which the database compares it with.
        with self.engine.begin() as connection:
            connection.execute(
                schema.register.update().values(last_seen_at=rows.now())
            )

        self.assertEqual(
            {('fra1', 'node', 'compute-1'): HOST_WH * WH},
            self.read(
                'sustainability_device_energy_kwh',
                'datacenter',
                'component',
                'device',
            ),
        )

    def test_projects_have_the_energy_of_their_instances(self):
        self.assertEqual(
            self.energy('projects'),
            self.read('sustainability_tenant_energy_kwh', 'project_id'),
        )
        self.assertEqual(
            {('project-0', 'team-0'), ('project-1', 'team-1')},
            {
                *self.read(
                    'sustainability_tenant_energy_kwh',
                    'project_id',
                    'project_name',
                )
            },
        )

    def test_instances_have_their_energy_and_project(self):
        self.assertEqual(
            self.energy('instances'),
            self.read('energy_meter_instance_energy_kwh', 'instance_id'),
        )
        self.assertEqual(
            {('vm-1', 'project-1'), ('vm-2', 'project-0')},
            {
                *self.read(
                    'energy_meter_instance_energy_kwh', 'name', 'project_id'
                )
            },
        )

    def test_answer_is_used_for_some_minutes(self):
        before = self.get('/metrics/energy').text
        self.now += 24 * hosts.HOUR_MS

        self.assertEqual(before, self.get('/metrics/energy').text)

    def test_accept_header_selects_openmetrics(self):
        response = self.get(
            '/metrics/energy', Accept='application/openmetrics-text'
        )

        self.assertEqual('application/openmetrics-text', response.content_type)
        self.assertEqual('# EOF', response.text.splitlines()[-1])


class AccessTest(base.APITestCase):
    config = (
        '[keystone_authtoken]\n'
        'auth_type = none\n'
        'www_authenticate_uri = http://keystone.example/\n'
        '[api]\nmetrics_htpasswd = {directory}/htpasswd\n'
    )

    def prepare(self):
        digest = bcrypt.hashpw(b'secret', bcrypt.gensalt(4)).decode()
        (self.directory / 'htpasswd').write_text(f'prometheus:{digest}\n')
        self.tokens = self.useFixture(fixture.AuthTokenFixture())

    def test_scraper_reads_with_its_password(self):
        text = base64.b64encode(b'prometheus:secret').decode()

        self.get('/metrics/energy', Authorization=f'Basic {text}')

    def test_reader_of_a_project_is_rejected(self):
        token = ksa_fixture.V3Token(project_id='project')
        token.add_role(name='reader')

        self.get(
            '/metrics/energy',
            status=403,
            **{'X-Auth-Token': self.tokens.add_token(token)},
        )
