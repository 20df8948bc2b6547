# SPDX-License-Identifier: Apache-2.0

"""Tests for the client with a real API and Keystone."""

import fixtures
from oslotest import base

from energy_meter import exception
from energy_meter.clients import api
from energy_meter.tests.functional.services import api as api_service
from energy_meter.tests.functional.services import base as services
from energy_meter.tests.functional.services import keystone

NAMES = ['a', 'node.svg', 'rack 1/höhe:40%?#', 'ü&é']


class ClientTest(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.keystone = services.shared(keystone.Keystone)
        directory = self.useFixture(fixtures.TempDir())
        self.api = self.useFixture(
            api_service.API(
                self.keystone, f'sqlite:///{directory.join("db.sqlite")}'
            )
        )
        for name in NAMES:
            self.api.meter(
                name, 1700000000.5, kwh=1.25, watts=173.0, elapsed=60.0
            )

    def connect(self, role):
        user = self.keystone.create_user(role)
        return api.Client(
            self.keystone.session(user), region_name=keystone.REGION
        )

    def test_role_service_reads_all_probes(self):
        client = self.connect('service')

        self.assertEqual('v1.0', client.version())
        self.assertEqual(NAMES, client.probe_ids())
        self.assertEqual(NAMES, [probe.id for probe in client.probes()])
        for name in NAMES:
            self.assertEqual(
                api.Probe(
                    id=name,
                    timestamp=1700000000.5,
                    kwh=1.25,
                    watts=173.0,
                    scope='node',
                    host=f'host-{name}',
                    wattmeter='meter',
                    coverage=1.0,
                    project_id=None,
                ),
                client.probe(name),
            )
        self.assertRaises(exception.ProbeNotFound, client.probe, 'b')

    def test_role_member_is_forbidden(self):
        client = self.connect('member')

        for call in (
            client.probes,
            client.probe_ids,
            lambda: client.probe('a'),
        ):
            error = self.assertRaises(exception.APIRequestRejected, call)
            self.assertIn(': 403 ', str(error))
