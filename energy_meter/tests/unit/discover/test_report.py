# SPDX-License-Identifier: Apache-2.0

import json

from oslotest import base

from energy_meter import measurement
from energy_meter.agent import once
from energy_meter.discover import finding
from energy_meter.discover import report
from energy_meter.discover import section

METER = finding.Finding(
    'BMC bmc7',
    ('mind it',),
    section.Section(
        'bmc', 'ipmi', ('node',), {'host': 'bmc7'}, {'password': 's3cret'}
    ),
    (
        once.Result(
            'bmc',
            'ipmi',
            'node',
            'node',
            measurement.Reading(
                'node', 120.0, 1000, measurement.Counter(3600.0)
            ),
            None,
        ),
    ),
    'not stated',
)
OBSTACLE = finding.Finding('RAPL', ('none here', 'go on'))
AGAIN = METER._replace(overlaps='other')


class ReportTest(base.BaseTestCase):
    def test_the_table_shows_what_a_probe_shows(self):
        row = report.table([METER, OBSTACLE]).splitlines()[3]

        self.assertEqual(
            [
                'BMC bmc7',
                'node',
                'node',
                '120.0',
                'yes, 1.000 kWh',
                'not stated',
            ],
            [cell.strip() for cell in row.strip('|').split('|')],
        )

    def test_obstacles_say_why(self):
        self.assertEqual(
            '* RAPL: none here; go on.', report.obstacles([METER, OBSTACLE])
        )

    def test_remarks_are_comments_of_the_section(self):
        text = report.sections([METER, OBSTACLE], secrets=False)

        self.assertIn('# mind it\n[wattmeter:bmc]\n', text)
        self.assertNotIn('RAPL', text)

    def test_an_alternative_is_a_comment(self):
        lines = report.sections([AGAIN], secrets=True).splitlines()

        self.assertEqual(
            [], [line for line in lines if line and not line.startswith('#')]
        )
        self.assertIn('#host = bmc7', lines)

    def test_secrets_are_for_the_file_alone(self):
        self.assertIn('s3cret', report.sections([METER], secrets=True))
        self.assertNotIn('s3cret', report.sections([METER], secrets=False))
        self.assertNotIn('s3cret', report.as_json([METER]))
        self.assertNotIn('s3cret', report.table([METER]))

    def test_json(self):
        found, obstacle = json.loads(report.as_json([METER, OBSTACLE]))

        self.assertEqual(
            [
                {
                    'probe': 'node',
                    'scope': 'node',
                    'w': 120.0,
                    'counter_kwh': 1.0,
                }
            ],
            found['probes'],
        )
        self.assertEqual(
            ('RAPL', None, []),
            (obstacle['found'], obstacle['section'], obstacle['probes']),
        )
