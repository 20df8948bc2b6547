# SPDX-License-Identifier: Apache-2.0

"""Test of energy-meter-import with a real Ironic."""

from energy_meter.tests.functional.discover import base
from energy_meter.tests.functional.services import commands
from energy_meter.tests.functional.services import ironic


class ImportTest(base.DiscoverTestCase):
    def run_import(self, *arguments: object, **environment: str) -> str:
        outcome = self.run_command(
            commands.script('energy-meter-import'), *arguments, **environment
        )
        self.assertEqual(0, outcome.status, outcome.output)
        return outcome.output

    def test_nodes_of_ironic_become_wattmeters(self):
        # Given an Ironic with BMCs of both protocols and a node without one,
        service = self.useFixture(ironic.Ironic())
        service.add_node(
            'node-01',
            ipmi_address='192.0.2.1',
            ipmi_port=6230,
            ipmi_username='admin',
            ipmi_password='s3cret',
        )
        unnamed = service.add_node(
            None,
            redfish_address='192.0.2.2',
            redfish_username='root',
            redfish_password='s3cret',
            redfish_verify_ca='/etc/ssl/bmc.pem',
        )
        service.add_node('virtual-01')

        # when it is imported twice,
        arguments = (
            'ironic',
            '--set',
            'password_file=/etc/energy_meter/bmc',
            '--output',
            self.file,
        )
        first = self.run_import(*arguments, **service.environment)
        second = self.run_import(*arguments, **service.environment)

        # then both BMCs are metered and the second run changes nothing.
        self.assertEqual(
            [
                '[template:discovered-ipmi-admin]',
                'driver = ipmi',
                'password_file = /etc/energy_meter/bmc',
                'username = admin',
                '',
                '[template:discovered-redfish-root]',
                'driver = redfish',
                'password_file = /etc/energy_meter/bmc',
                'username = root',
                'ca_file = /etc/ssl/bmc.pem',
                '',
                f'[wattmeter:{unnamed}]',
                'template = discovered-redfish-root',
                f'probes = {unnamed}',
                'url = https://192.0.2.2',
                '',
                '[wattmeter:node-01]',
                'template = discovered-ipmi-admin',
                'probes = node-01',
                'host = 192.0.2.1',
                'port = 6230',
            ],
            [
                line
                for line in self.file.read_text().strip().splitlines()
                if not line.startswith('#')
            ][1:],
        )
        self.assertIn('Skipped virtual-01: driver_info shows neither', first)
        self.assertIn('4 added', first)
        self.assertIn('stays as it is', second)
