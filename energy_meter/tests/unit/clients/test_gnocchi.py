# SPDX-License-Identifier: Apache-2.0

"""Tests for the setup of Gnocchi."""

from keystoneauth1 import noauth
from keystoneauth1 import session as keystone_session
from openstack import connection
from oslotest import base

from energy_meter import exception
from energy_meter.clients import gnocchi
from energy_meter.tests.unit import api_stub

UUID = '4c4c4544-0042-3510-8054-b9c04f4d4e32'


class SetupTest(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.server = self.useFixture(api_stub.APIStub())

    def setup(self):
        cloud = connection.Connection(
            session=keystone_session.Session(auth=noauth.NoAuth()),
            metric_endpoint_override=self.server.url,
        )
        return gnocchi.setup(cloud, lambda line: None)

    def test_other_server_than_gnocchi_is_reported(self):
        self.server.answers['/v1/archive_policy/energy-meter-energy'] = (
            200,
            b'<html>',
        )

        error = self.assertRaises(exception.GnocchiFailed, self.setup)

        self.assertIn(
            'archive policy energy-meter-energy: the response is not JSON',
            str(error),
        )


class CollisionsTest(base.BaseTestCase):
    def collisions(self, *probes):
        return list(gnocchi.collisions(probes))

    def test_different_ids_do_not_collide(self):
        self.assertEqual([], self.collisions('a/b', 'a-b', 'A_B', 'ab', UUID))

    def test_slash_and_underscore_collide(self):
        self.assertEqual(
            [('a_b', ['a/b', 'a_b']), ('c_d_e', ['c/d/e', 'c/d_e', 'c_d/e'])],
            self.collisions('c/d/e', 'a_b', 'c/d_e', 'x/y', 'c_d/e', 'a/b'),
        )

    def test_spellings_of_one_uuid_collide(self):
        spellings = [UUID.upper(), UUID, UUID.replace('-', '')]

        ((resource, group),) = self.collisions(*spellings)

        self.assertEqual((UUID, sorted(spellings)), (resource, group))
