# SPDX-License-Identifier: Apache-2.0

"""Keystone: whom the API answers, and what it says to the others."""

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

    def assert_refused(self, status, page, token=None):
        answer = self.get(page, token)
        self.assertEqual(status, answer.status, answer.body)
        self.assertEqual(status, answer.json['error']['code'])
        told = (answer.headers.as_string() + answer.body.decode()).lower()
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
            self.assertNotIn(secret.lower(), told)
        return answer

    def test_without_a_token(self):
        for page in PAGES:
            answer = self.assert_refused(401, page)

            self.assertEqual(
                f'Keystone uri="{self.keystone.auth_url}"',
                answer.headers['WWW-Authenticate'],
            )

    def test_with_a_bad_token(self):
        for token in ('x', self.token('admin')[:-4] + 'AAAA'):
            for page in PAGES:
                self.assert_refused(401, page, token)

    def test_admin_and_service_read(self):
        for role in ('admin', 'service'):
            token = self.token(role)
            for page in PAGES:
                self.assertEqual(200, self.get(page, token).status)

    def test_others_do_not(self):
        for role in ('member', 'reader'):
            token = self.token(role)
            for page in PAGES:
                self.assert_refused(403, page, token)

    def test_keystone_is_down_for_a_while(self):
        token = self.token('admin')
        self.keystone.stop()
        self.addCleanup(self.keystone.start)

        for page in PAGES:
            self.assert_refused(503, page, token)
        self.assertEqual(200, self.get('/').status)
        self.assertEqual(200, self.get('/healthcheck').status)

        self.keystone.start()
        self.assertEqual(200, self.get(PAGES[0], token).status)

    def test_keystone_hangs(self):
        token = self.token('admin')
        self.keystone.pause()
        self.addCleanup(self.keystone.resume)

        self.assert_refused(503, PAGES[0], token)
