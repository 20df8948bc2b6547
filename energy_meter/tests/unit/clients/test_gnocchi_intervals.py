# SPDX-License-Identifier: Apache-2.0

"""Tests for errors of Gnocchi during a transfer of closed days."""

import json

from keystoneauth1 import adapter
from keystoneauth1 import noauth
from keystoneauth1 import session as keystone_session
from oslotest import base

from energy_meter import exception
from energy_meter.clients import gnocchi_intervals as intervals
from energy_meter.tests.unit import api_stub

POLICY = '/v1/archive_policy/energy-meter-interval'


class ErrorsTest(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.server = self.useFixture(api_stub.APIStub())

    def fail(self, status, body):
        """Return the error if Gnocchi has this archive policy."""
        self.server.answers[POLICY] = status, body
        client = adapter.Adapter(
            keystone_session.Session(auth=noauth.NoAuth()),
            endpoint_override=self.server.url,
        )
        return str(
            self.assertRaises(
                exception.GnocchiUnavailable,
                intervals.IntervalMetrics,
                client,
            )
        )

    def test_missing_policy_names_the_setup(self):
        error = self.fail(404, b'{}')

        self.assertEqual(
            'cannot use Gnocchi: GET archive_policy/energy-meter-interval: '
            'Not Found (HTTP 404); run energy-meter-manage gnocchi setup',
            error,
        )

    def test_policy_with_other_granularities_is_rejected(self):
        policy = {'back_window': 3, 'definition': [{'granularity': '0:05:00'}]}

        error = self.fail(200, json.dumps(policy).encode())

        self.assertIn('has the granularities 0:05:00, expected', error)

    def test_other_server_than_gnocchi_is_reported(self):
        error = self.fail(200, b'<html>')

        self.assertIn('the response is not JSON', error)
