# SPDX-License-Identifier: Apache-2.0

"""Tests of inventories of Ansible."""

import io
import json
import pathlib
import sys
import typing

import fixtures
from oslotest import base

from energy_meter import exception
from energy_meter.inventory import ansible

#: Output of ansible-inventory for two groups.
LISTED: dict[str, typing.Any] = {
    '_meta': {
        'hostvars': {
            'node-01': {'bmc_address': '192.0.2.1'},
            'node-02': {
                'ipmi_address': '192.0.2.2',
                'energy_meter_interval': 10,
                'energy_meter_sensor': ['PSU1', 'PSU2'],
            },
            'store-01': {
                'bmc_address': '192.0.2.3',
                'energy_meter_url': 'https://192.0.2.3:8443',
            },
        }
    },
    'all': {'children': ['ungrouped', 'compute', 'storage']},
    'compute': {'children': ['rack-1']},
    'rack-1': {'hosts': ['node-01', 'node-02', 'node-03']},
    'storage': {'hosts': ['store-01']},
}


class AnsibleTest(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.directory = pathlib.Path(self.useFixture(fixtures.TempDir()).path)

    def load(self, document=LISTED, group='all', addresses=ansible.ADDRESSES):
        path = self.directory / 'listed.json'
        path.write_text(json.dumps(document))
        return ansible.load(str(path), group, addresses)

    def program(self, script: str) -> None:
        """Provide an ansible-inventory."""
        path = self.directory / ansible.PROGRAM
        path.write_text(f'#!/bin/sh\n{script}\n')
        path.chmod(0o755)
        self.useFixture(
            fixtures.EnvironmentVariable('PATH', f'{self.directory}:/bin')
        )

    def test_variables_are_options(self):
        devices = self.load().devices

        self.assertEqual(
            [
                ('node-01', {'host': '192.0.2.1'}),
                (
                    'node-02',
                    {
                        'interval': '10',
                        'sensor': 'PSU1, PSU2',
                        'host': '192.0.2.2',
                    },
                ),
                ('store-01', {'url': 'https://192.0.2.3:8443'}),
            ],
            [each[:2] for each in devices],
        )

    def test_host_without_address_is_skipped(self):
        self.assertEqual([['node-03']], list(self.load().skipped.values()))

    def test_group_includes_its_children(self):
        devices = self.load(group='compute').devices

        self.assertEqual(
            ['node-01', 'node-02'], [each.name for each in devices]
        )

    def test_own_variable_has_the_address(self):
        inventory = self.load(addresses=['ipmi_address'])

        self.assertEqual(
            ['node-02', 'store-01'],
            [each.name for each in inventory.devices],
        )

    def test_unknown_group_is_refused(self):
        error = self.assertRaises(
            exception.ConfigurationError, self.load, group='computes'
        )

        self.assertIn('the groups are all, compute, rack-1', str(error))

    def test_template_is_not_taken_for_an_address(self):
        (reason,) = self.load(
            {
                '_meta': {
                    'hostvars': {
                        'a': {'bmc_address': '{{ inventory_hostname }}-bmc'}
                    }
                }
            }
        ).skipped

        self.assertIn('host is a template', reason)

    def test_output_of_ansible_is_read_from_stdin(self):
        self.useFixture(
            fixtures.MonkeyPatch('sys.stdin', io.StringIO(json.dumps(LISTED)))
        )

        inventory = ansible.load('-', 'storage', ansible.ADDRESSES)

        self.assertEqual(
            ['store-01'], [each.name for each in inventory.devices]
        )

    def test_ansible_lists_other_inventories(self):
        source = self.directory / 'hosts.ini'
        source.touch()
        self.program(
            f'[ "$*" = "--inventory {source} --list" ] || exit 1\n'
            f"echo '{json.dumps(LISTED)}'"
        )

        inventory = ansible.load(str(source), 'all', ansible.ADDRESSES)

        self.assertEqual(3, len(inventory.devices))

    def test_failure_of_ansible_is_reported(self):
        source = self.directory / 'hosts.ini'
        source.touch()
        for script, reason in (
            ('echo broken >&2; exit 4', 'ansible-inventory failed: broken'),
            ('echo []', 'not the output of ansible-inventory --list'),
        ):
            self.program(script)
            error = self.assertRaises(
                exception.ConfigurationError,
                ansible.load,
                str(source),
                'all',
                ansible.ADDRESSES,
            )
            self.assertIn(reason, str(error))

    def test_missing_ansible_is_reported_with_a_remedy(self):
        self.useFixture(
            fixtures.EnvironmentVariable('PATH', str(self.directory))
        )

        error = self.assertRaises(
            exception.ConfigurationError,
            ansible.load,
            sys.executable,
            'all',
            ansible.ADDRESSES,
        )

        self.assertIn('ansible-inventory is not installed; run', str(error))
