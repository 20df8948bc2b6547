# SPDX-License-Identifier: Apache-2.0

"""What the reference of the API shows is what the API answers."""

import json
import pathlib
import re
import textwrap

import energy_meter
from energy_meter.tests.unit.api import base

PAGE = (
    pathlib.Path(energy_meter.__file__).parents[1] / 'api-ref/source/index.rst'
)

#: A request, and the next block of its answer.
EXAMPLE = re.compile(
    r'``GET (?P<path>\S+)``(?:(?!``GET ).)*?'
    r'\.\. code-block:: (?P<kind>\w+)\n\n(?P<answer>(?:(?: +\S[^\n]*)?\n)+)',
    re.DOTALL,
)


class ReferenceTest(base.APITestCase):
    def setUp(self) -> None:
        super().setUp()
        self.insert('node-41')

    def ask(self, path: str) -> str:
        """Ask as the page says, from the machine that it names."""
        path = path.replace('<probe>', 'node-41').replace('<meter>', 'w')
        return self.api.get(
            path,
            status='*',
            extra_environ={
                'REQUEST_URI': path,
                'HTTP_HOST': 'controller:8878',
            },
        ).text

    def test_every_example_is_a_true_answer(self):
        examples = [
            (
                match['path'],
                match['kind'],
                textwrap.dedent(match['answer']).strip(),
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
                '/v1/probes/node-42/',
            ],
            [path for path, _, _ in examples],
        )
        for path, kind, answer in examples:
            if kind == 'json':
                self.assertEqual(
                    json.loads(answer), json.loads(self.ask(path)), path
                )
            else:
                self.assertIn(answer, self.ask(path))
