# SPDX-License-Identifier: Apache-2.0

"""API and pages as they are shipped: uWSGI, and nginx with TLS before both."""

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

PROXIED = {'oslo_middleware': {'enable_proxy_headers_parsing': True}}


class Installation(base.Service):
    """API, pages and proxy, for all tests of this module."""

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
        """Ask over TLS; the certificate is checked."""
        return browser.get(
            self.port, url, tls=self.tls, Host=f'{host}:{self.port}', **headers
        )

    def link(self, **headers):
        version = self.get(API, '/', **headers).json['versions'][0]
        return version['links'][0]['href']

    def test_api_over_tls(self):
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

    def test_what_a_client_has_is_not_sent_again(self):
        tag = self.get(API, '/v1/probes/').headers['ETag']
        answer = self.get(API, '/v1/probes/', **{'If-None-Match': tag})
        self.assertEqual((304, b''), (answer.status, answer.body))

    def test_links_are_those_that_the_client_used(self):
        self.assertEqual(f'https://{API}:{self.port}/v1/', self.link())

    def test_links_are_not_what_the_client_says(self):
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

    def test_api_keeps_connections(self):
        client = http.client.HTTPConnection(
            '127.0.0.1', self.api.port, timeout=60
        )
        self.addCleanup(client.close)
        ports = set()
        for _ in range(3):
            client.request('GET', '/v1/probes/')
            answer = client.getresponse()
            self.assertEqual(200, answer.status)
            answer.read()
            ports.add(client.sock and client.sock.getsockname())

        self.assertEqual(1, len(ports))
        self.assertNotIn(None, ports)

    def test_reload_refuses_no_request(self):
        loaded = self.api.output().count('WSGI app 0')

        self.api.reload()

        def is_reloaded():
            answer = browser.get(self.api.port, '/v1/probes/')
            self.assertEqual(200, answer.status)
            return self.api.output().count('WSGI app 0') == loaded + 2

        base.wait_for(is_reloaded, 60, 'both processes are new')

    def test_pages_over_tls(self):
        answer = self.get(PAGES, '/')
        self.assertEqual(302, answer.status)
        self.assertEqual(
            f'https://{PAGES}:{self.port}/last/hour/',
            answer.headers['Location'],
        )
        base.wait_for(
            lambda: self.get(PAGES, '/probe/pdu%2F1/').status == 200,
            30,
            'the page of the probe',
        )
        self.assertIn(b'pdu/1', self.get(PAGES, '/last/hour/').body)
        self.assertEqual(404, self.get(PAGES, '/probe/pdu/1/').status)
