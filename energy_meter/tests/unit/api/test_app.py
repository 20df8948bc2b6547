# SPDX-License-Identifier: Apache-2.0

"""Tests for the order of the middleware."""

import json

from energy_meter.tests.unit.api import base

ORIGIN = {'Origin': 'https://panel.example'}


class HealthTest(base.APITestCase):
    config = (
        base.APITestCase.config + '[healthcheck]\nbackends = disable_by_file\n'
        'disable_by_file_path = {directory}/disabled\n'
    )

    def test_disabling_file_fails_health_check(self):
        self.get('/healthcheck')

        (self.directory / 'disabled').touch()

        self.assert_error(self.get('/healthcheck', 503))
        self.assert_error(
            self.get('/healthcheck', 503, Accept='application/json')
        )

    def test_health_check_returns_json_on_request(self):
        body = self.get('/healthcheck', Accept='application/json').body

        self.assertEqual(['OK'], json.loads(body)['reasons'])


class CORSTest(base.APITestCase):
    config = (
        '[keystone_authtoken]\nauth_type = none\n'
        '[cors]\nallowed_origin = https://panel.example\n'
    )

    def test_preflight_request_needs_no_token(self):
        for header in ('X-Auth-Token', 'If-None-Match'):
            response = self.api.options(
                '/v1/probes/',
                headers={
                    **ORIGIN,
                    'Access-Control-Request-Method': 'GET',
                    'Access-Control-Request-Headers': header,
                },
            )

            self.assertEqual(
                header, response.headers['Access-Control-Allow-Headers']
            )

    def test_errors_have_cors_headers(self):
        response = self.get('/v1/probes/', 401, **ORIGIN)

        self.assertEqual(
            ORIGIN['Origin'], response.headers['Access-Control-Allow-Origin']
        )
        self.assertIn(
            'ETag', response.headers['Access-Control-Expose-Headers']
        )

    def test_other_origin_gets_no_cors_headers(self):
        response = self.get('/v1/probes/', 401, Origin='https://bad.example')

        self.assertNotIn('Access-Control-Allow-Origin', response.headers)


class RequestIdTest(base.APITestCase):
    def test_every_response_has_unique_request_id(self):
        ids = {
            self.get(url, status).headers['X-OpenStack-Request-ID']
            for url, status in (
                ('/', 200),
                ('/v1/probes/', 200),
                ('/healthcheck', 200),
                ('/x', 404),
            )
        }

        self.assertEqual(4, len(ids))
