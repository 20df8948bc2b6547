# SPDX-License-Identifier: Apache-2.0

"""What depends on the HTTP server: paths above all."""

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
    scenarios = [
        ('cheroot', {'server': servers.Cheroot}),
        ('uwsgi', {'server': servers.UWSGI}),
    ]

    def setUp(self):
        super().setUp()
        directory = self.useFixture(fixtures.TempDir()).path
        url = f'sqlite:///{directory}/db'
        configuration = commands.Configuration(
            directory, database={'connection': url}
        )
        configuration.run('energy-meter-manage', 'db', 'sync')
        engine = sa.create_engine(url)
        rows.insert(engine, *NAMES)
        engine.dispose()
        self.port = self.useFixture(self.server(configuration)).port

    def get(self, url, status=200, method='GET', **headers):
        answer = browser.get(self.port, url, method, **headers)
        self.assertEqual(status, answer.status, answer.body)
        return answer

    def test_a_probe_may_have_any_name(self):
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

    def test_lists_probes(self):
        self.assertEqual(
            dict.fromkeys(NAMES, rows.SHOWN),
            self.get('/v1/probes/').json['probes'],
        )

    def test_shows_metrics_in_the_format_that_is_wanted(self):
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

    def test_what_a_client_has_is_not_sent_again(self):
        tag = self.get('/v1/probes/').headers['ETag']

        answer = self.get('/v1/probes/', 304, **{'If-None-Match': tag})

        self.assertEqual(b'', answer.body)

    def test_a_head_tells_the_length(self):
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
            answer = self.get(url, status, method)

            self.assertEqual(status, answer.json['error']['code'])
            self.assertEqual(
                'application/json', answer.headers['Content-Type']
            )

    def test_links_are_what_the_client_sees(self):
        version = self.get('/', Host='cloud.example').json['versions'][0]

        self.assertEqual(
            'http://cloud.example/v1/', version['links'][0]['href']
        )
