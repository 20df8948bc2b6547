# SPDX-License-Identifier: Apache-2.0

"""Tests for the API with a real Keystone."""

import os
import socket

import fixtures
from oslotest import base

from energy_meter.tests.functional.api import browser
from energy_meter.tests.functional.services import api
from energy_meter.tests.functional.services import base as services
from energy_meter.tests.functional.services import keystone

PAGES = (
    '/v1/probe-ids/',
    '/v1/probes/',
    '/v1/probes/a/',
    '/v1/probes/a/w/',
    '/v1/probes/a/energy',
    '/v1/energy',
    '/metrics',
)


class KeystoneTest(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.keystone = services.shared(keystone.Keystone)
        self.directory = self.useFixture(fixtures.TempDir()).path
        self.api = self.useFixture(
            api.API(self.keystone, f'sqlite:///{self.directory}/db')
        )
        self.api.meter('a', 1700000000.5, kwh=1.25, watts=173.0, elapsed=60)

    def token(self, role):
        return self.keystone.token(self.keystone.create_user(role))

    def get(self, page, token=None):
        return browser.get(
            self.api.port, page, **({'X-Auth-Token': token} if token else {})
        )

    def assert_rejected(self, status, page, token=None):
        response = self.get(page, token)
        self.assertEqual(status, response.status, response.body)
        self.assertEqual(status, response.json['error']['code'])
        content = response.headers.as_string() + response.body.decode()
        for secret in (
            self.directory,
            str(self.api.directory),
            os.path.dirname(os.__file__),
            'traceback',
            'sqlite',
            'select',
            'exception',
            'errno',
            '.py',
            socket.gethostname(),
        ):
            self.assertNotIn(secret.lower(), content.lower())
        return response

    def test_request_without_token_is_rejected(self):
        for page in PAGES:
            response = self.assert_rejected(401, page)

            self.assertEqual(
                f'Keystone uri="{self.keystone.auth_url}"',
                response.headers['WWW-Authenticate'],
            )

    def test_invalid_token_is_rejected(self):
        for token in ('x', self.token('admin')[:-4] + 'AAAA'):
            for page in PAGES:
                self.assert_rejected(401, page, token)

    def test_roles_admin_and_service_are_authorized(self):
        for role in ('admin', 'service'):
            token = self.token(role)
            for page in PAGES:
                self.assertEqual(200, self.get(page, token).status)

    def test_other_roles_are_forbidden(self):
        for role in ('member', 'reader'):
            token = self.token(role)
            for page in PAGES:
                self.assert_rejected(403, page, token)

    def test_service_recovers_with_keystone(self):
        token = self.token('admin')
        self.keystone.stop()
        self.addCleanup(self.keystone.start)

        for page in PAGES:
            self.assert_rejected(503, page, token)
        self.assertEqual(200, self.get('/').status)
        self.assertEqual(200, self.get('/healthcheck').status)

        self.keystone.start()
        self.assertEqual(200, self.get(PAGES[0], token).status)

    def test_hanging_keystone_is_service_unavailable(self):
        token = self.token('admin')
        self.keystone.pause()
        self.addCleanup(self.keystone.resume)

        self.assert_rejected(503, PAGES[0], token)
