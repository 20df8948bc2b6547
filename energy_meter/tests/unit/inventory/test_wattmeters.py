# SPDX-License-Identifier: Apache-2.0

"""Tests of the sections for devices of an inventory."""

from oslotest import base

from energy_meter import exception
from energy_meter.inventory import defaults
from energy_meter.inventory import device
from energy_meter.inventory import wattmeters


def bmc(number: int, **options: str) -> device.Device:
    return device.Device(
        f'node-{number}',
        {'driver': 'ipmi', 'host': f'192.0.2.{number}', **options},
        f'servers.csv:{number}',
    )


class MakeTest(base.BaseTestCase):
    def make(self, *devices: device.Device, chosen: tuple[str, ...] = ()):
        return wattmeters.make(
            devices, list(map(defaults.Default.parse, chosen)), 'site', True
        )

    def error(self, *devices: device.Device, chosen: tuple[str, ...] = ()):
        return str(
            self.assertRaises(
                exception.ConfigurationError,
                self.make,
                *devices,
                chosen=chosen,
            )
        )

    def test_devices_share_a_template(self):
        self.assertEqual(
            {
                'template:site-ipmi-meter': '[template:site-ipmi-meter]\n'
                'driver = ipmi\n'
                'interval = 10\n'
                'username = meter\n'
                'password_file = /etc/bmc\n',
                'wattmeter:node-1': '[wattmeter:node-1]\n'
                'template = site-ipmi-meter\n'
                'probes = node-1\n'
                'host = 192.0.2.1\n',
                'wattmeter:node-2': '[wattmeter:node-2]\n'
                'template = site-ipmi-meter\n'
                'probes = rack-2\n'
                'interval = 60\n'
                'host = 192.0.2.2\n',
            },
            self.make(
                bmc(1),
                bmc(2, probes='rack-2', interval='60'),
                chosen=(
                    'interval=10',
                    'ipmi.username=meter',
                    'password_file=/etc/bmc',
                ),
            ),
        )

    def test_pdu_has_a_probe_for_each_outlet(self):
        pdu = device.Device(
            'pdu-a',
            {'driver': 'snmp', 'host': '192.0.2.9', 'profile': 'eaton-g3'},
            'servers.csv:9',
        )

        found = self.make(pdu)

        self.assertIn(
            'probes = {wattmeter}-{channel}\n', found['template:site-snmp']
        )

    def test_password_of_the_inventory_is_hidden_on_request(self):
        found = wattmeters.make([bmc(1, password='s3cret')], [], 'site', False)

        self.assertNotIn('s3cret', ''.join(found.values()))

    def test_default_driver_serves_devices_without_one(self):
        found = self.make(
            device.Device('node-1', {'host': '192.0.2.1'}, 'Ansible'),
            chosen=('driver=ipmi',),
        )

        self.assertIn('template:site-ipmi', found)

    def test_mistakes_are_named_with_their_place(self):
        for option, reason in (
            ({'port': 'x'}, 'servers.csv:2: node-2: port: '),
            ({'hots': 'x'}, 'servers.csv:2: node-2: hots: unknown option'),
            ({'driver': 'ipim'}, "node-2: driver 'ipim' is unknown; expected"),
            ({'driver': ''}, 'servers.csv:2: node-2 has no driver'),
            ({'host': 'x\ny'}, 'contains control characters'),
            ({'probes': 'node-1'}, "'node-1' is also a probe of"),
        ):
            self.assertIn(reason, self.error(bmc(1), bmc(2, **option)))

    def test_all_invalid_devices_are_named(self):
        error = self.error(bmc(1, port='x'), bmc(2, port='y'))

        self.assertEqual(2, len(error.splitlines()))

    def test_device_that_is_listed_twice_is_refused(self):
        self.assertIn(
            'servers.csv:2: node-2 would be metered twice: it is also node-1 '
            'in servers.csv:1',
            self.error(bmc(1), bmc(2, host='192.0.2.1')),
        )
        self.assertIn(
            'servers.csv:1: node-1 has the same name as node-1',
            self.error(bmc(1), bmc(1, host='192.0.2.2')),
        )

    def test_two_sensors_of_a_device_are_no_mistake(self):
        self.make(
            bmc(1, sensor='PSU1'), bmc(2, host='192.0.2.1', sensor='PSU2')
        )

    def test_default_without_effect_is_refused(self):
        for text in ('redfish.username=meter', 'hots=x', 'profile=x'):
            self.assertIn(
                f'--set {text}: applies to no device',
                self.error(bmc(1), chosen=(text,)),
            )

    def test_secret_as_argument_is_refused(self):
        error = self.error(bmc(1), chosen=('password=s3cret',))

        self.assertIn('use password_file', error)
        self.assertNotIn('s3cret', error)

    def test_default_needs_an_option_and_a_value(self):
        for text in ('interval', 'interval=', '=10', 'ipmi.=10'):
            self.assertRaises(ValueError, defaults.Default.parse, text)
