# SPDX-License-Identifier: Apache-2.0

"""Errors: one shape, and nothing from the inside."""

import io
import logging
from unittest import mock

from keystoneauth1 import exceptions as keystone_exceptions
from oslo_log import formatters

from energy_meter.api import database
from energy_meter.db import schema
from energy_meter.tests.unit.api import base

SECRET = 'mysql://user:secret@db.internal/ [SQL: SELECT 1]'


class ErrorsTest(base.APITestCase):
    def setUp(self):
        super().setUp()
        self.log = io.StringIO()
        handler = logging.StreamHandler(self.log)
        handler.setLevel(logging.ERROR)
        handler.setFormatter(
            formatters.ContextFormatter(
                fmt='%(request_id)s %(message)s%(error_summary)s',
                config=self.conf,
            )
        )
        logging.getLogger().addHandler(handler)
        self.addCleanup(logging.getLogger().removeHandler, handler)

    def break_with(self, error):
        patch = mock.patch.object(
            database.Database, 'connect', side_effect=error
        )
        patch.start()
        self.addCleanup(patch.stop)

    def assert_logged(self, response, *words):
        text = self.log.getvalue()
        for word in (response.headers['X-OpenStack-Request-ID'], *words):
            self.assertIn(word, text)

    def test_an_unknown_url(self):
        for url in (
            '/nothing',
            '/v2/',
            '/v1/nothing/',
            '/v1/probes/a/w/x/',
            '/v1/probe-ids/a/',
            '/v1//probes/',
            '//v1/probes/',
            '/v1/probes//w/',
            '/index',
            '/v1/index',
            '/_route',
            '/v1/__class__/',
            '/v1/probes/../../v1',
            '/%ff',
            '/v1/probes/%ff/',
            '/v1/nothing/?x=%ff',
        ):
            self.assert_error(self.get(url, status=404))
        self.assertEqual('', self.log.getvalue())

    def test_a_method_that_would_change_something(self):
        for method in ('post', 'put', 'patch', 'delete', 'options'):
            for url in ('/', '/v1/probes/', '/nothing', '/healthcheck'):
                response = getattr(self.api, method)(url, status=405)

                self.assertEqual('GET, HEAD', response.headers['Allow'])
                self.assert_error(response)

    def test_an_argument_that_makes_no_sense(self):
        self.assertIn(
            'printable', self.assert_error(self.get('/v1/probes/%00/', 400))
        )

    def test_an_error_of_a_head_has_no_body(self):
        response = self.api.head('/nothing', status=404)

        self.assertEqual(b'', response.body)

    def test_a_bug_stays_inside(self):
        self.break_with(RuntimeError(SECRET))

        response = self.get('/v1/probes/', 500)

        self.assertNotIn('secret', self.assert_error(response))
        self.assert_logged(response, "GET '/v1/probes/' failed", SECRET)

    def test_a_database_that_is_away(self):
        schema.metadata.drop_all(self.engine)

        for url in ('/v1/probes/', '/v1/probe-ids/', '/v1/probes/a/'):
            response = self.get(url, 503)

            self.assertNotIn('probe', self.assert_error(response))
            self.assert_logged(response, 'no such table')
        self.assertNotIn('SELECT', self.log.getvalue())

    def test_a_database_that_comes_back(self):
        schema.metadata.drop_all(self.engine)
        self.get('/v1/probes/', 503)

        schema.metadata.create_all(self.engine)

        self.get('/v1/probes/')

    def test_a_keystone_that_can_not_be_asked(self):
        self.break_with(keystone_exceptions.MissingAuthPlugin(SECRET))

        response = self.get('/v1/probes/', 503)

        self.assertNotIn('secret', self.assert_error(response))
        self.assert_logged(response, 'MissingAuthPlugin')

    def test_versions_need_no_database(self):
        self.break_with(RuntimeError())

        self.get('/')
        self.get('/v1/')
        self.get('/healthcheck')
