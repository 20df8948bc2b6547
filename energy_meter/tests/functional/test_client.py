# SPDX-License-Identifier: Apache-2.0

"""The client, the API and Keystone's catalog agree."""

import fixtures
from oslotest import base

from energy_meter import client
from energy_meter import exception
from energy_meter.tests.functional.services import api
from energy_meter.tests.functional.services import base as services
from energy_meter.tests.functional.services import keystone

NAMES = ['a', 'node.svg', 'rack 1/höhe:40%?#', 'ü&é']


class ClientTest(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.keystone = services.shared(keystone.Keystone)
        directory = self.useFixture(fixtures.TempDir())
        self.api = self.useFixture(
            api.API(self.keystone, f'sqlite:///{directory.join("db.sqlite")}')
        )
        for name in NAMES:
            self.api.meter(
                name, 1700000000.5, kwh=1.25, watts=173.0, elapsed=60.0
            )

    def connect(self, role):
        user = self.keystone.create_user(role)
        return client.Client(
            self.keystone.session(user), region_name=keystone.REGION
        )

    def test_service_reads_everything(self):
        found = self.connect('service')

        self.assertEqual('v1.0', found.version())
        self.assertEqual(NAMES, found.probe_ids())
        self.assertEqual(NAMES, [probe.id for probe in found.probes()])
        for name in NAMES:
            self.assertEqual(
                client.Probe(
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
                found.probe(name),
            )
        self.assertRaises(exception.UnknownProbe, found.probe, 'b')

    def test_member_is_refused(self):
        found = self.connect('member')

        for ask in (found.probes, found.probe_ids, lambda: found.probe('a')):
            error = self.assertRaises(exception.APIRefused, ask)
            self.assertIn(': 403 ', str(error))
