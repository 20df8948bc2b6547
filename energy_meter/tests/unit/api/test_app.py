# SPDX-License-Identifier: Apache-2.0

"""The middleware, where the order of it shows."""

import json

from energy_meter.tests.unit.api import base

ORIGIN = {'Origin': 'https://panel.example'}


class HealthTest(base.APITestCase):
    config = (
        base.APITestCase.config + '[healthcheck]\nbackends = disable_by_file\n'
        'disable_by_file_path = {directory}/disabled\n'
    )

    def test_an_operator_takes_it_out_of_service(self):
        self.get('/healthcheck')

        (self.directory / 'disabled').touch()

        self.assert_error(self.get('/healthcheck', 503))
        self.assert_error(
            self.get('/healthcheck', 503, Accept='application/json')
        )

    def test_tells_json_on_request(self):
        body = self.get('/healthcheck', Accept='application/json').body

        self.assertEqual(['OK'], json.loads(body)['reasons'])


class CORSTest(base.APITestCase):
    config = (
        '[keystone_authtoken]\nauth_type = none\n'
        '[cors]\nallowed_origin = https://panel.example\n'
    )

    def test_a_browser_may_ask_whether_it_may_ask(self):
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

    def test_its_scripts_can_read_errors(self):
        response = self.get('/v1/probes/', 401, **ORIGIN)

        self.assertEqual(
            ORIGIN['Origin'], response.headers['Access-Control-Allow-Origin']
        )
        self.assertIn(
            'ETag', response.headers['Access-Control-Expose-Headers']
        )

    def test_other_origins_may_not(self):
        response = self.get('/v1/probes/', 401, Origin='https://bad.example')

        self.assertNotIn('Access-Control-Allow-Origin', response.headers)


class RequestIdTest(base.APITestCase):
    def test_every_answer_has_one_of_its_own(self):
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
