# SPDX-License-Identifier: Apache-2.0

"""Tests for the order of the middleware."""

import json
import socket

import webob

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


class HostTest(base.APITestCase):
    config = (
        base.APITestCase.config + 'allowed_hosts = Cloud.example, panel\n'
        'bind_host = controller\nallow_public_noauth = true\n'
        '[oslo_middleware]\nenable_proxy_headers_parsing = true\n'
    )

    def test_hosts_of_the_service_are_allowed(self):
        for host in (
            'localhost',
            'localhost:8878',
            '127.0.0.1:8878',
            '192.0.2.1',
            '[::1]:8878',
            'controller:8878',
            'CONTROLLER.',
            socket.gethostname(),
            'cloud.example',
            'panel:80',
        ):
            self.get('/', Host=host)

    def test_client_can_omit_its_host(self):
        environ = webob.Request.blank('/').environ
        del environ['HTTP_HOST']

        response = webob.Request(environ).get_response(self.api.app)

        self.assertEqual(200, response.status_code)

    def test_other_hosts_are_rejected(self):
        for host in (
            'evil.example',
            'evil.example:8878',
            'localhost.evil.example',
            'localhost@evil.example',
            '127.0.0.1.evil.example',
            '[::1',
            '[::1].evil.example',
            '',
        ):
            for url in ('/', '/healthcheck', '/v1/probes/'):
                message = self.assert_error(self.get(url, 421, Host=host))

                self.assertIn('add the name to allowed_hosts', message)

    def test_header_of_a_proxy_does_not_replace_the_host(self):
        self.get(
            '/', 421, Host='evil.example', **{'X-Forwarded-Host': 'localhost'}
        )


class AuthenticatedHostTest(base.APITestCase):
    config = '[keystone_authtoken]\nauth_type = none\n'

    def test_all_hosts_are_allowed_with_authentication(self):
        self.get('/', Host='cloud.example')


class BodyTest(base.APITestCase):
    def test_requests_with_a_body_are_rejected(self):
        for header in (
            {'Transfer-Encoding': 'chunked'},
            {'Content-Length': '7'},
        ):
            for url in ('/', '/healthcheck', '/v1/probes/'):
                message = self.assert_error(self.get(url, 400, **header))

                self.assertEqual('Requests must not have a body.', message)

    def test_request_can_state_that_it_has_no_body(self):
        self.get('/', **{'Content-Length': '0'})
