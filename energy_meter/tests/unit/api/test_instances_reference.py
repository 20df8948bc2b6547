# SPDX-License-Identifier: Apache-2.0

"""Examples of instances, projects and hosts in the API reference."""

import json
import pathlib
import textwrap

import energy_meter
from energy_meter.tests import usages
from energy_meter.tests.unit.api import test_instances
from energy_meter.tests.unit.api import test_reference
from energy_meter.tests.unit.db import hosts

PAGE = (
    pathlib.Path(energy_meter.__file__).parents[1]
    / 'api-ref/source/instances.rst'
)
PERIOD = test_instances.CLOSED

#: The requests of the examples.
PATHS = (
    f'/v1/instances?{PERIOD}',
    f'/v1/instances/<instance>/energy?{PERIOD}',
    f'/v1/projects?{PERIOD}',
    f'/v1/projects/<project>/energy?{PERIOD}',
    '/v1/hosts/',
    f'/v1/hosts/<host>/energy?{PERIOD}',
    f'/v1/instances?{PERIOD}&format=csv',
)


class InstancesReferenceTest(test_instances.AttributedTestCase):
    guests = (hosts.Guest(2, 2.0, end=hosts.START + 12 * hosts.HOUR_MS),)

    def request(self, path: str) -> str:
        """Return the response for a request of the reference."""
        for name, value in (
            ('instance', usages.uuid(2)),
            ('project', 'project-0'),
            ('host', 'compute-1'),
        ):
            path = path.replace(f'<{name}>', value)
        return self.get(path).text.replace('\r\n', '\n')

    def test_examples_equal_responses(self):
        examples = {
            match['path']: textwrap.dedent(match['response']).strip()
            for match in test_reference.EXAMPLE.finditer(PAGE.read_text())
        }

        self.assertEqual({*PATHS}, examples.keys())
        for path, response in examples.items():
            if 'csv' in path:
                self.assertEqual(response, self.request(path).strip())
            else:
                self.assertEqual(
                    json.loads(self.request(path)), json.loads(response), path
                )
