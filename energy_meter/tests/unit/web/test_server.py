# SPDX-License-Identifier: Apache-2.0

"""Tests for the HTTP server."""

import http.client
import socket
import threading
import urllib.error
import urllib.request

from oslotest import base

from energy_meter import conf as energy_meter_conf
from energy_meter import exception
from energy_meter.web import server


def free_port():
    with socket.socket() as listener:
        listener.bind(('127.0.0.1', 0))
        return listener.getsockname()[1]


def echo_request_uri(environ, start_response):
    start_response('200 OK', [])
    return [environ['REQUEST_URI'].encode()]


def fail_in_the_middle(environ, start_response):
    start_response('200 OK', [])
    yield b'beginning'
    raise RuntimeError


class ServerTest(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.conf = energy_meter_conf.load([], 'test', files=[])
        self.conf.set_override('auth_strategy', 'noauth', 'api')

    def make(self, application=echo_request_uri):
        return server.serve(application, self.conf, 'api', 'a test')

    def serve(self, port, application=echo_request_uri):
        self.conf.set_override('port', port, 'api')
        service = self.make(application)
        service.start()
        self.addCleanup(service.stop)
        return service

    def fetch(self, port, path):
        with urllib.request.urlopen(
            f'http://127.0.0.1:{port}{path}', timeout=30
        ) as response:
            return response.read()

    def test_requests_are_served_until_stop(self):
        port = free_port()
        service = self.serve(port)

        self.assertEqual(b'/a%2Fb?c', self.fetch(port, '/a%2Fb?c'))

        service.stop()
        service.wait()
        self.assertRaises(urllib.error.URLError, self.fetch, port, '/')
        self.assertNotIn(
            'api', {thread.name for thread in threading.enumerate()}
        )

    def test_a_body_that_fails_in_the_middle_is_incomplete(self):
        port = free_port()
        self.serve(port, fail_in_the_middle)

        error = self.assertRaises(
            http.client.IncompleteRead, self.fetch, port, '/'
        )

        self.assertEqual(b'beginning', error.partial)

    def test_port_can_be_reused_after_stop(self):
        port = free_port()
        self.serve(port).stop()

        self.serve(port)

        self.fetch(port, '/')

    def test_address_in_use_is_rejected(self):
        port = free_port()
        self.serve(port)

        error = self.assertRaises(
            exception.ConfigurationError, self.serve, port
        )

        self.assertIn('[api] bind_host, port: cannot listen', str(error))
        self.assertIn(str(port), str(error))

    def test_public_noauth_is_rejected(self):
        for host in ('0.0.0.0', '::', '192.0.2.1', 'controller'):
            self.conf.set_override('bind_host', host, 'api')

            error = self.assertRaises(exception.ConfigurationError, self.make)

            self.assertIn(f'{host} is not a loopback address', str(error))
            self.assertIn('allow_public_noauth', str(error))

    def test_loopback_or_allow_public_noauth_is_accepted(self):
        for host in ('127.0.0.1', '127.1.2.3', '::1', 'localhost'):
            self.conf.set_override('bind_host', host, 'api')
            self.make()

        self.conf.set_override('allow_public_noauth', True, 'api')
        self.conf.set_override('bind_host', '0.0.0.0', 'api')
        self.make()
