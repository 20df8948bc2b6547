# SPDX-License-Identifier: Apache-2.0

"""Versions: keystoneauth finds the API from its root and from /v1."""

import json

from keystoneauth1 import discover

from energy_meter.tests.unit.api import base


class _Session:
    """Sends keystoneauth's requests to an application."""

    def __init__(self, api):
        self._api = api

    def get(self, url, headers, authenticated=None, **_options):
        return _Answer(self._api.get(url, headers=headers))


class _Answer:
    def __init__(self, response):
        self.status_code = response.status_code
        self.url = response.request.url
        self._text = response.text

    def json(self):
        return json.loads(self._text)


class VersionsTest(base.APITestCase):
    def test_keystoneauth_discovers_the_version(self):
        for url in (
            'http://api.example/',
            'http://api.example/v1',
            'http://api.example/v1/',
        ):
            found = discover.Discover(_Session(self.api), url)

            self.assertEqual('http://api.example/v1/', found.url_for('1'))
            [version] = found.version_data()
            self.assertEqual('CURRENT', version['raw_status'])

    def test_the_root_lists_the_versions(self):
        self.assertEqual(
            {
                'versions': [
                    {
                        'id': 'v1.0',
                        'status': 'CURRENT',
                        'links': [
                            {'rel': 'self', 'href': 'http://localhost/v1/'}
                        ],
                    }
                ]
            },
            self.get('/').json,
        )

    def test_a_version_has_its_own_page(self):
        self.assertEqual('v1.0', self.get('/v1/').json['version']['id'])

    def test_parameters_are_ignored(self):
        for query in ('x=1', 'x=%ff', '__body__=1', 'result=1'):
            self.get(f'/?{query}')


class ProxyTest(base.APITestCase):
    config = (
        base.APITestCase.config
        + '[oslo_middleware]\nenable_proxy_headers_parsing = true\n'
    )

    def test_links_are_what_the_client_sees(self):
        found = self.get(
            '/',
            **{
                'X-Forwarded-Proto': 'https',
                'X-Forwarded-Host': 'cloud.example',
                'X-Forwarded-Prefix': '/energy',
            },
        ).json

        self.assertEqual(
            'https://cloud.example/energy/v1/',
            found['versions'][0]['links'][0]['href'],
        )
