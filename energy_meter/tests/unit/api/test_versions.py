# SPDX-License-Identifier: Apache-2.0

"""Tests for version discovery."""

import json

from keystoneauth1 import discover

from energy_meter.tests.unit.api import base


class _Session:
    """Session that sends the requests of keystoneauth to an application."""

    def __init__(self, api):
        self._api = api

    def get(self, url, headers, authenticated=None, **_options):
        return _Response(self._api.get(url, headers=headers))


class _Response:
    def __init__(self, response):
        self.status_code = response.status_code
        self.url = response.request.url
        self._text = response.text

    def json(self):
        return json.loads(self._text)


class VersionsTest(base.APITestCase):
    config = base.APITestCase.config + 'allowed_hosts = api.example\n'

    def test_keystoneauth_discovers_the_version(self):
        for url in (
            'http://api.example/',
            'http://api.example/v1',
            'http://api.example/v1/',
        ):
            discovery = discover.Discover(_Session(self.api), url)

            self.assertEqual('http://api.example/v1/', discovery.url_for('1'))
            [version] = discovery.version_data()
            self.assertEqual('CURRENT', version['raw_status'])

    def test_root_lists_versions(self):
        self.assertEqual(
            {
                'versions': [
                    {
                        'id': 'v1.0',
                        'status': 'CURRENT',
                        'links': [
                            {'rel': rel, 'href': f'http://localhost/v1/{path}'}
                            for rel, path in (
                                ('self', ''),
                                ('probe-ids', 'probe-ids/'),
                                ('probes', 'probes/'),
                                ('energy', 'energy/'),
                                ('instances', 'instances/'),
                                ('projects', 'projects/'),
                                ('hosts', 'hosts/'),
                            )
                        ],
                    }
                ]
            },
            self.get('/').json,
        )

    def test_version_has_own_document_whose_links_work(self):
        version = self.get('/v1/').json['version']

        self.assertEqual('v1.0', version['id'])
        for link in version['links']:
            self.get(link['href'].removeprefix('http://localhost'))

    def test_parameters_are_ignored(self):
        for query in ('x=1', 'x=%ff', '__body__=1', 'result=1'):
            self.get(f'/?{query}')


class ProxyTest(base.APITestCase):
    config = (
        base.APITestCase.config
        + '[oslo_middleware]\nenable_proxy_headers_parsing = true\n'
    )

    def test_links_contain_url_of_proxy(self):
        document = self.get(
            '/',
            **{
                'X-Forwarded-Proto': 'https',
                'X-Forwarded-Host': 'cloud.example',
                'X-Forwarded-Prefix': '/energy',
            },
        ).json

        self.assertEqual(
            'https://cloud.example/energy/v1/',
            document['versions'][0]['links'][0]['href'],
        )
