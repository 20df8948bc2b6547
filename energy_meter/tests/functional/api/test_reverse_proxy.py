# SPDX-License-Identifier: Apache-2.0

"""Tests for API and graph pages in uWSGI, behind nginx with TLS."""

import http.client

import fixtures
from oslotest import base as test_base
import sqlalchemy as sa

from energy_meter.tests import rows
from energy_meter.tests.functional.api import browser
from energy_meter.tests.functional.services import base
from energy_meter.tests.functional.services import commands
from energy_meter.tests.functional.services import nginx
from energy_meter.tests.functional.services import standalone

API = 'energy.example.org'
PAGES = 'energy-graphs.example.org'

PROXIED = {
    'oslo_middleware': {'enable_proxy_headers_parsing': True},
    'api': {'allowed_hosts': API},
    'rrd': {'allowed_hosts': PAGES},
}


class Installation(base.Service):
    """API, graph pages and proxy, shared by all tests of this module."""

    def _setUp(self):
        base.require('nginx')
        directory = self.useFixture(fixtures.TempDir(base.TEMPORARY)).path
        url = f'sqlite:///{directory}/db'
        configuration = commands.Configuration(
            directory, database={'connection': url}, **PROXIED
        )
        configuration.run('energy-meter-manage', 'db', 'sync')
        engine = sa.create_engine(url)
        rows.insert(engine, 'node-41', 'pdu/1', 'a%2Fb')
        engine.dispose()
        self.api = self.useFixture(nginx.UWSGI(configuration))
        pages = self.useFixture(
            standalone.Standalone(
                **PROXIED,
                **{'wattmeter:one': {'driver': 'dummy', 'probes': 'pdu/1'}},
            )
        )
        self.proxy = self.useFixture(nginx.Nginx(self.api.port, pages.port))


class ReverseProxyTest(test_base.BaseTestCase):
    def setUp(self):
        super().setUp()
        installation = base.shared(Installation)
        self.api = installation.api
        self.port = installation.proxy.port
        self.tls = installation.proxy.tls

    def get(self, host, url, **headers):
        """Send a request over TLS; the certificate is verified."""
        return browser.get(
            self.port, url, tls=self.tls, Host=f'{host}:{self.port}', **headers
        )

    def link(self, **headers):
        version = self.get(API, '/', **headers).json['versions'][0]
        return version['links'][0]['href']

    def test_api_is_served_over_tls(self):
        self.assertEqual(
            dict.fromkeys(('node-41', 'pdu/1', 'a%2Fb'), rows.SHOWN),
            self.get(API, '/v1/probes/').json['probes'],
        )
        self.assertEqual(
            {'pdu/1': rows.SHOWN}, self.get(API, '/v1/probes/pdu%2F1/').json
        )
        self.assertEqual(
            {'a%2Fb': rows.SHOWN}, self.get(API, '/v1/probes/a%252Fb/').json
        )
        self.assertEqual(404, self.get(API, '/v1/probes/pdu/1/').status)
        self.assertEqual(200, self.get(API, '/healthcheck').status)

    def test_matching_etag_is_not_modified(self):
        tag = self.get(API, '/v1/probes/').headers['ETag']
        response = self.get(API, '/v1/probes/', **{'If-None-Match': tag})
        self.assertEqual((304, b''), (response.status, response.body))

    def test_links_contain_url_of_client(self):
        self.assertEqual(f'https://{API}:{self.port}/v1/', self.link())

    def test_forwarded_headers_of_client_are_ignored(self):
        self.assertEqual(
            f'https://{API}:{self.port}/v1/',
            self.link(
                **{
                    'Forwarded': 'host=evil.example',
                    'X-Forwarded-Proto': 'http',
                    'X-Forwarded-Host': 'evil.example',
                    'X-Forwarded-Prefix': '/evil',
                }
            ),
        )

    def test_connections_are_kept_alive(self):
        client = http.client.HTTPConnection(
            '127.0.0.1', self.api.port, timeout=60
        )
        self.addCleanup(client.close)
        ports = set()
        for _ in range(3):
            client.request('GET', '/v1/probes/')
            response = client.getresponse()
            self.assertEqual(200, response.status)
            response.read()
            ports.add(client.sock and client.sock.getsockname())

        self.assertEqual(1, len(ports))
        self.assertNotIn(None, ports)

    def test_reload_rejects_no_request(self):
        loaded = self.api.output().count('WSGI app 0')

        self.api.reload()

        def is_reloaded():
            response = browser.get(self.api.port, '/v1/probes/')
            self.assertEqual(200, response.status)
            return self.api.output().count('WSGI app 0') == loaded + 2

        base.wait_for(is_reloaded, 60, 'both processes to be replaced')

    def test_graph_pages_are_served_over_tls(self):
        response = self.get(PAGES, '/')
        self.assertEqual(302, response.status)
        self.assertEqual(
            f'https://{PAGES}:{self.port}/last/hour/',
            response.headers['Location'],
        )
        base.wait_for(
            lambda: self.get(PAGES, '/probe/pdu%2F1/').status == 200,
            30,
            'the page of the probe',
        )
        self.assertIn(b'pdu/1', self.get(PAGES, '/last/hour/').body)
        self.assertEqual(404, self.get(PAGES, '/probe/pdu/1/').status)
