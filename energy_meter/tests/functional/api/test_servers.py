# SPDX-License-Identifier: Apache-2.0

"""Tests for behavior that depends on the HTTP server, such as paths."""

import typing
import urllib.parse

import fixtures
from oslotest import base
from prometheus_client import parser
from prometheus_client.openmetrics import parser as openmetrics_parser
import sqlalchemy as sa
import testscenarios

from energy_meter.tests import rows
from energy_meter.tests.functional.api import browser
from energy_meter.tests.functional.api import servers
from energy_meter.tests.functional.services import commands

NAMES = [
    'node.svg',
    'a.json',
    'pdu:1',
    'two words',
    'höst',
    'a/b',
    '/a',
    'a//b',
    'a%2Fb',
    'a?b',
    'a#b',
    'a+b',
    'index',
]


class ServersTest(testscenarios.WithScenarios, base.BaseTestCase):
    scenarios: typing.ClassVar = [
        ('cheroot', {'server': servers.Cheroot}),
        ('uwsgi', {'server': servers.UWSGI}),
    ]

    def setUp(self):
        super().setUp()
        directory = self.useFixture(fixtures.TempDir()).path
        url = f'sqlite:///{directory}/db'
        configuration = commands.Configuration(
            directory,
            database={'connection': url},
            api={'allowed_hosts': 'cloud.example'},
        )
        configuration.run('energy-meter-manage', 'db', 'sync')
        engine = sa.create_engine(url)
        rows.insert(engine, *NAMES)
        engine.dispose()
        self.port = self.useFixture(self.server(configuration)).port

    def get(self, url, status=200, method='GET', **headers):
        response = browser.get(self.port, url, method, **headers)
        self.assertEqual(status, response.status, response.body)
        return response

    def test_probe_id_can_contain_any_printable_character(self):
        for name in NAMES:
            quoted = urllib.parse.quote(name, safe='')
            for ending in ('', '/', '?x=/y'):
                self.assertEqual(
                    {name: rows.SHOWN},
                    self.get(f'/v1/probes/{quoted}{ending}').json,
                )
                self.assertEqual(
                    {name: {'w': 173.0}},
                    self.get(f'/v1/probes/{quoted}/w{ending}').json,
                )

    def test_probes_are_listed(self):
        self.assertEqual(
            dict.fromkeys(NAMES, rows.SHOWN),
            self.get('/v1/probes/').json['probes'],
        )

    def test_accept_header_selects_format_of_metrics(self):
        for accept, parse in (
            ('text/plain', parser),
            ('application/openmetrics-text;version=1.0.0', openmetrics_parser),
        ):
            text = self.get('/metrics', Accept=accept).body.decode()

            families = parse.text_string_to_metric_families(text)
            self.assertEqual(
                set(NAMES),
                {
                    sample.labels['probe']
                    for family in families
                    for sample in family.samples
                },
            )

    def test_matching_etag_is_not_modified(self):
        tag = self.get('/v1/probes/').headers['ETag']

        response = self.get('/v1/probes/', 304, **{'If-None-Match': tag})

        self.assertEqual(b'', response.body)

    def test_head_response_has_content_length(self):
        got = self.get('/v1/probes/')
        head = self.get('/v1/probes/', method='HEAD')

        self.assertEqual(b'', head.body)
        self.assertEqual(str(len(got.body)), head.headers['Content-Length'])

    def test_errors_are_json(self):
        for url, method, status in (
            ('/nothing', 'GET', 404),
            ('/v1/probes/b', 'GET', 404),
            ('/v1/probes/%00', 'GET', 400),
            ('/', 'DELETE', 405),
            ('/v1/probes/', 'POST', 405),
            ('/v1/probes/', 'OPTIONS', 405),
        ):
            response = self.get(url, status, method)

            self.assertEqual(status, response.json['error']['code'])
            self.assertEqual(
                'application/json', response.headers['Content-Type']
            )

    def test_body_is_rejected_without_reading_it(self):
        response = self.get('/', 400, **{'Transfer-Encoding': 'chunked'})

        self.assertIn('body', response.json['error']['message'])

    def test_links_contain_host_of_request(self):
        version = self.get('/', Host='cloud.example').json['versions'][0]

        self.assertEqual(
            'http://cloud.example/v1/', version['links'][0]['href']
        )
