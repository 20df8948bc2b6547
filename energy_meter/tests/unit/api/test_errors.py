# SPDX-License-Identifier: Apache-2.0

"""Tests for error responses."""

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
        handler.setLevel(logging.INFO)
        handler.setFormatter(
            formatters.ContextFormatter(
                fmt='%(request_id)s %(message)s%(error_summary)s',
                config=self.conf,
            )
        )
        logging.getLogger().addHandler(handler)
        self.addCleanup(logging.getLogger().removeHandler, handler)

    def break_with(self, error):
        """Make every database connection raise an error."""
        patch = mock.patch.object(
            database.Database, 'connect', side_effect=error
        )
        patch.start()
        self.addCleanup(patch.stop)

    def assert_logged(self, response, *texts):
        output = self.log.getvalue()
        for text in (response.headers['X-OpenStack-Request-ID'], *texts):
            self.assertIn(text, output)

    def test_unknown_url_is_not_found(self):
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

    def test_method_other_than_get_and_head_is_not_allowed(self):
        for method in ('post', 'put', 'patch', 'delete', 'options'):
            for url in ('/', '/v1/probes/', '/nothing', '/healthcheck'):
                response = getattr(self.api, method)(url, status=405)

                self.assertEqual('GET, HEAD', response.headers['Allow'])
                self.assert_error(response)

    def test_invalid_probe_id_is_bad_request(self):
        self.assertIn(
            'printable', self.assert_error(self.get('/v1/probes/%00/', 400))
        )

    def test_error_of_head_request_has_no_body(self):
        response = self.api.head('/nothing', status=404)

        self.assertEqual(b'', response.body)

    def test_unexpected_error_is_logged_only(self):
        self.break_with(RuntimeError(SECRET))

        response = self.get('/v1/probes/', 500)

        self.assertNotIn('secret', self.assert_error(response))
        self.assert_logged(response, "GET '/v1/probes/' failed", SECRET)

    def test_database_error_is_service_unavailable(self):
        schema.metadata.drop_all(self.engine)

        for url in ('/v1/probes/', '/v1/probe-ids/', '/v1/probes/a/'):
            response = self.get(url, 503)

            self.assertNotIn('probe', self.assert_error(response))
        # One line is logged for all of them, without statement.
        log = self.log.getvalue()
        self.assertEqual(1, log.count('Cannot read the database'), log)
        self.assertIn('no such table', log)
        self.assertNotIn('SELECT', log)

    def test_service_recovers_with_database(self):
        logger = logging.getLogger('energy_meter')
        self.addCleanup(logger.setLevel, logger.level)
        logger.setLevel(logging.INFO)
        schema.metadata.drop_all(self.engine)
        self.get('/v1/probes/', 503)

        schema.metadata.create_all(self.engine)

        self.get('/v1/probes/')
        self.assertRegex(
            self.log.getvalue(),
            r'Can read the database again after \d+ s; failed requests: 1',
        )

    def test_keystone_error_is_service_unavailable(self):
        self.break_with(keystone_exceptions.MissingAuthPlugin(SECRET))

        response = self.get('/v1/probes/', 503)

        self.assertNotIn('secret', self.assert_error(response))
        self.assert_logged(response, 'MissingAuthPlugin')

    def test_versions_need_no_database(self):
        self.break_with(RuntimeError())

        self.get('/')
        self.get('/v1/')
        self.get('/healthcheck')
