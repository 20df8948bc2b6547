# SPDX-License-Identifier: Apache-2.0

"""Tests of report formats."""

import json

from oslotest import base

from energy_meter import measurement
from energy_meter.agent import oneshot
from energy_meter.discover import finding
from energy_meter.discover import report
from energy_meter.discover import section

METERABLE = finding.Finding(
    'BMC bmc7',
    ('check it',),
    section.Section(
        'bmc', 'ipmi', ('node',), {'host': 'bmc7'}, {'password': 's3cret'}
    ),
    (
        oneshot.Result(
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
UNMETERABLE = finding.Finding('RAPL', ('not loaded', 'load it'))
OVERLAPPING = METERABLE._replace(overlaps='other')


def sections(
    *findings: finding.Finding,
    secrets: bool = True,
    shared: tuple[str, ...] = (),
) -> str:
    return report.as_text(report.sections(findings, secrets, 'rack', shared))


class ReportTest(base.BaseTestCase):
    def test_table_contains_current_values(self):
        row = report.table([METERABLE, UNMETERABLE]).splitlines()[3]

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

    def test_unmeterable_devices_are_listed_with_reasons(self):
        self.assertEqual(
            '* RAPL: not loaded; load it.',
            report.unmeterable([METERABLE, UNMETERABLE]),
        )

    def test_devices_with_same_reason_share_an_entry(self):
        silent = [
            finding.Finding(
                f'BMC {address}',
                (f'BMC {address} port 623 did not answer', 'check it'),
                address=address,
            )
            for address in ('192.0.2.1', '192.0.2.2', '192.0.2.11')
        ]

        self.assertEqual(
            '* BMC 192.0.2.1-192.0.2.2, 192.0.2.11 (3 devices): the device '
            'did not answer;\n  check it.\n* RAPL: not loaded; load it.',
            report.unmeterable([*silent, UNMETERABLE]),
        )

    def test_summary_leaves_out_overlapping_sections(self):
        self.assertEqual(
            'Power meters: 1, probes: 1, power: 120.0 W, not meterable: 1',
            report.summary([METERABLE, OVERLAPPING, UNMETERABLE]),
        )

    def test_remarks_are_comments_of_section(self):
        text = sections(METERABLE, UNMETERABLE, secrets=False)

        self.assertIn('# check it\n[wattmeter:bmc]\n', text)
        self.assertNotIn('RAPL', text)

    def test_overlapping_section_is_commented_out(self):
        lines = sections(OVERLAPPING).splitlines()

        self.assertEqual(
            [], [line for line in lines if line and not line.startswith('#')]
        )
        self.assertIn('#host = bmc7', lines)

    def test_sections_of_many_devices_inherit_from_a_template(self):
        lines = sections(METERABLE, shared=('ipmi',)).splitlines()

        self.assertEqual(
            [
                '[template:rack-ipmi]',
                'driver = ipmi',
                'password = s3cret',
                '',
                '# BMC bmc7',
                '# check it',
                '[wattmeter:bmc]',
                'template = rack-ipmi',
                'probes = node',
                'host = bmc7',
            ],
            lines[lines.index('[template:rack-ipmi]') :],
        )

    def test_only_sections_with_secrets_contain_secrets(self):
        self.assertIn('s3cret', sections(METERABLE))
        self.assertNotIn('s3cret', sections(METERABLE, secrets=False))
        self.assertNotIn('s3cret', report.as_json([METERABLE]))
        self.assertNotIn('s3cret', report.table([METERABLE]))

    def test_json_contains_all_findings(self):
        meterable, unmeterable = json.loads(
            report.as_json([METERABLE, UNMETERABLE])
        )

        self.assertEqual(
            [
                {
                    'probe': 'node',
                    'scope': 'node',
                    'w': 120.0,
                    'counter_kwh': 1.0,
                }
            ],
            meterable['probes'],
        )
        self.assertEqual(
            ('RAPL', None, []),
            (
                unmeterable['device'],
                unmeterable['section'],
                unmeterable['probes'],
            ),
        )
