# SPDX-License-Identifier: Apache-2.0

"""The probes of all outlets of a wattmeter are named by a pattern."""

import socket

import fixtures
from oslo_config import cfg
from oslotest import base

from energy_meter import conf as energy_meter_conf
from energy_meter.agent import wattmeter
from energy_meter.drivers import rapl
from energy_meter.tests import sysfs

ZONES = {
    f'intel-rapl:{zone}/{name}': text
    for zone, own in (('0', 'package-0'), ('0:0', 'dram'))
    for name, text in {
        'name': own,
        'energy_uj': '1000',
        'max_energy_range_uj': '262143328850',
    }.items()
}


class PatternTest(base.BaseTestCase):
    def load(self, text):
        path = self.create_tempfiles([('agent', text)])[0]
        conf = cfg.ConfigOpts()
        energy_meter_conf.register_opts(conf)
        conf(['--config-file', path])
        return wattmeter.load(conf, 'agent')

    def test_host_of_a_local_wattmeter_is_the_machine(self):
        tree = self.useFixture(sysfs.Tree(ZONES))
        self.useFixture(
            fixtures.MockPatchObject(rapl.RAPL, 'directory', tree.path)
        )
        (item,), errors = self.load(
            '[wattmeter:cpu]\ndriver = rapl\nprobes = {host}-{name}\n'
        )

        probes = [settings.probe.id for settings in item.resolve().probes]

        host = socket.gethostname()
        self.assertEqual([], errors)
        self.assertEqual(
            [f'{host}-package-0', f'{host}-package-0/dram'], probes
        )

    def test_host_is_what_the_operator_says_it_is(self):
        tree = self.useFixture(sysfs.Tree(ZONES))
        self.useFixture(
            fixtures.MockPatchObject(rapl.RAPL, 'directory', tree.path)
        )
        (item,), _ = self.load(
            '[wattmeter:cpu]\ndriver = rapl\nprobes = {host}-{outlet}\n'
            'metered_host = node-7\n'
        )

        self.assertEqual(('node-7-1', 'node-7-2'), item.resolve().outlets)

    def test_field_that_stands_for_nothing_is_an_error(self):
        found, (error,) = self.load(
            '[wattmeter:bmc]\ndriver = redfish\nurl = https://bmc\n'
            'source = power-supplies\nprobes = {host}-{name}\n'
        )

        self.assertEqual([], found)
        self.assertIn(
            'the fields of this wattmeter are {wattmeter}, {outlet}, {name}',
            str(error),
        )

    def test_power_supplies_are_power_supplies(self):
        (item,), _ = self.load(
            '[wattmeter:bmc]\ndriver = redfish\nurl = https://bmc\n'
            'source = power-supplies\nprobes = psu-1, psu-2\n'
        )

        self.assertEqual(
            {'psu'}, {settings.probe.scope for settings in item.probes}
        )
