# SPDX-License-Identifier: Apache-2.0

"""Tests for the examples in the API reference."""

import json
import pathlib
import re
import textwrap

import energy_meter
from energy_meter.tests.unit.api import base

PAGE = (
    pathlib.Path(energy_meter.__file__).parents[1] / 'api-ref/source/index.rst'
)

PERIOD = 'start=2023-11-14T21:00:00Z&end=2023-11-14T23:00:00Z'

#: A request, and the code block of its response.
EXAMPLE = re.compile(
    r'``GET (?P<path>\S+)``(?:(?!``GET ).)*?'
    r'\.\. code-block:: (?P<kind>\w+)\n\n(?P<response>(?:(?: +\S[^\n]*)?\n)+)',
    re.DOTALL,
)


class ReferenceTest(base.APITestCase):
    config = base.APITestCase.config + 'allowed_hosts = controller\n'

    def setUp(self) -> None:
        super().setUp()
        self.insert('node-41')

    def request(self, path: str) -> str:
        """Return the response for a request of the reference."""
        path = path.replace('<probe>', 'node-41').replace('<meter>', 'w')
        return self.api.get(
            path,
            status='*',
            extra_environ={
                'REQUEST_URI': path,
                'HTTP_HOST': 'controller:8878',
            },
        ).text

    def test_examples_equal_responses(self):
        examples = [
            (
                match['path'],
                match['kind'],
                textwrap.dedent(match['response']).strip(),
            )
            for match in EXAMPLE.finditer(PAGE.read_text())
        ]

        self.assertEqual(
            [
                '/',
                '/v1/',
                '/v1/probe-ids/',
                '/v1/probes/',
                '/v1/probes/<probe>/',
                '/v1/probes/<probe>/<meter>/',
                '/metrics',
                f'/v1/probes/<probe>/energy?{PERIOD}',
                f'/v1/energy?{PERIOD}',
                f'/v1/energy?{PERIOD}&format=csv',
                '/v1/probes/node-42/',
            ],
            [path for path, _, _ in examples],
        )
        for path, kind, response in examples:
            if kind == 'json':
                self.assertEqual(
                    json.loads(response), json.loads(self.request(path)), path
                )
            else:
                received = self.request(path).replace('\r\n', '\n')
                self.assertIn(response, received)
