# SPDX-License-Identifier: Apache-2.0

"""Patterns name the probes of all channels of a wattmeter."""

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
    for zone, zone_name in (('0', 'package-0'), ('0:0', 'dram'))
    for name, text in {
        'name': zone_name,
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

    def test_host_of_local_wattmeter_is_this_machine(self):
        tree = self.useFixture(sysfs.Tree(ZONES))
        self.useFixture(
            fixtures.MockPatchObject(rapl.RAPL, 'directory', tree.path)
        )
        (loaded,), errors = self.load(
            '[wattmeter:cpu]\ndriver = rapl\nprobes = {host}-{name}\n'
        )

        probe_ids = [settings.probe.id for settings in loaded.resolve().probes]

        host = socket.gethostname()
        self.assertEqual([], errors)
        self.assertEqual(
            [f'{host}-package-0', f'{host}-package-0/dram'], probe_ids
        )

    def test_metered_host_is_used_as_host(self):
        tree = self.useFixture(sysfs.Tree(ZONES))
        self.useFixture(
            fixtures.MockPatchObject(rapl.RAPL, 'directory', tree.path)
        )
        (loaded,), _ = self.load(
            '[wattmeter:cpu]\ndriver = rapl\nprobes = {host}-{channel}\n'
            'metered_host = node-7\n'
        )

        self.assertEqual(('node-7-1', 'node-7-2'), loaded.resolve().probe_ids)

    def test_field_without_value_is_an_error(self):
        wattmeters, (error,) = self.load(
            '[wattmeter:bmc]\ndriver = redfish\nurl = https://bmc\n'
            'source = power-supplies\nprobes = {host}-{name}\n'
        )

        self.assertEqual([], wattmeters)
        self.assertIn(
            'the fields of this wattmeter are {wattmeter}, {channel}, {name}',
            str(error),
        )

    def test_scope_of_power_supplies_is_psu(self):
        (loaded,), _ = self.load(
            '[wattmeter:bmc]\ndriver = redfish\nurl = https://bmc\n'
            'source = power-supplies\nprobes = psu-1, psu-2\n'
        )

        self.assertEqual(
            {'psu'}, {settings.probe.scope for settings in loaded.probes}
        )
