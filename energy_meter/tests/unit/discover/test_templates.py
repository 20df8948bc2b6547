# SPDX-License-Identifier: Apache-2.0

"""Tests of templates of generated sections."""

import dataclasses

from oslotest import base

from energy_meter.discover import section
from energy_meter.discover import templates


def bmc(
    number: int, password: str = 'a', **options: object
) -> section.Section:
    return section.Section(
        f'bmc-{number}',
        'ipmi',
        (f'node-{number}',),
        {'host': f'192.0.2.{number}', 'username': 'meter', **options},
        {'password': password},
    )


class ShareTest(base.BaseTestCase):
    def test_access_moves_to_the_template(self):
        (template,), wattmeters = templates.share([bmc(1), bmc(2)], 'rack')

        self.assertEqual(
            '[template:rack-ipmi-meter]\n'
            'driver = ipmi\n'
            'username = meter\n'
            'password = a\n',
            template.text(secrets=True),
        )
        self.assertEqual(
            [
                f'[wattmeter:bmc-{number}]\n'
                'template = rack-ipmi-meter\n'
                f'probes = node-{number}\n'
                f'host = 192.0.2.{number}\n'
                for number in (1, 2)
            ],
            [each.text(secrets=True) for each in wattmeters],
        )

    def test_device_with_another_user_has_another_template(self):
        found, wattmeters = templates.share(
            [bmc(1), bmc(2, username='root'), bmc(3)], 'rack'
        )

        self.assertEqual(
            ['rack-ipmi-meter', 'rack-ipmi-root'],
            [each.name for each in found],
        )
        self.assertEqual(
            ['rack-ipmi-meter', 'rack-ipmi-root', 'rack-ipmi-meter'],
            [each.template for each in wattmeters],
        )

    def test_templates_of_equal_users_are_numbered(self):
        found, _ = templates.share(
            [
                bmc(1, password_file='/etc/a'),
                bmc(2, password_file='/etc/b'),
            ],
            'rack',
        )

        self.assertEqual(
            [
                ('rack-ipmi-meter', '/etc/a'),
                ('rack-ipmi-meter-2', '/etc/b'),
            ],
            [(each.name, each.options['password_file']) for each in found],
        )

    def test_password_of_one_device_stays_in_its_section(self):
        (template,), wattmeters = templates.share(
            [bmc(1, 'a'), bmc(2, 'b')], 'rack'
        )

        self.assertEqual({}, template.secrets)
        self.assertEqual(
            [{'password': 'a'}, {'password': 'b'}],
            [each.secrets for each in wattmeters],
        )

    def test_another_device_changes_no_other_section(self):
        few = [bmc(1), bmc(2, timeout=9)]

        before, sections = templates.share(few, 'rack')
        after, more = templates.share([*few, bmc(3, timeout=9)], 'rack')

        self.assertEqual((before, sections), (after, more[:2]))

    def test_defaults_are_in_the_template_unless_a_section_differs(self):
        slow = dataclasses.replace(bmc(2), options={'interval': 60})

        (template, _), wattmeters = templates.share(
            [bmc(1, interval=10), slow], 'rack', {'interval': 10}
        )

        self.assertEqual(10, template.options['interval'])
        self.assertEqual(
            [None, 60], [each.options.get('interval') for each in wattmeters]
        )
