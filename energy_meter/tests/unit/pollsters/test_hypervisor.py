# SPDX-License-Identifier: Apache-2.0

"""Tests for the pollster of hypervisors."""

import logging

from ceilometer.polling import plugin_base
import fixtures
from oslo_config import cfg
from oslotest import base

from energy_meter.pollsters import hypervisor
from energy_meter.tests.unit import api_stub
from energy_meter.tests.unit.pollsters import test_probe


class HypervisorTest(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.log = self.useFixture(fixtures.FakeLogger(level=logging.INFO))
        self.api = self.useFixture(api_stub.APIStub())

    def make(self, *lines):
        conf = cfg.ConfigOpts()
        conf(
            [
                '--config-file',
                *self.create_tempfiles([('ceilometer', '\n'.join(lines))]),
            ]
        )
        return hypervisor.HypervisorPowerPollster(conf)

    def poll(self, pattern):
        pollster = self.make('[energy_meter]', f'compute_host = {pattern}')
        return list(
            pollster.get_samples(test_probe.make_manager(), {}, [self.api.url])
        )

    def test_sample_has_power_and_resource_of_host(self):
        self.api.show(a={'w': 173.0, 'host': 'node-41'})

        (sample,) = self.poll('{host}')

        self.assertEqual(
            (
                'hardware.ipmi.node.power',
                'gauge',
                'W',
                173.0,
                'node-41_node-41',
            ),
            (
                sample.name,
                sample.type,
                sample.unit,
                sample.volume,
                sample.resource_id,
            ),
        )

    def test_compute_host_can_extend_host(self):
        self.api.show(a={'host': 'node-41'})

        (sample,) = self.poll('{host}.example.org')

        self.assertEqual(
            'node-41.example.org_node-41.example.org', sample.resource_id
        )

    def test_only_probes_of_scope_node_are_polled(self):
        self.api.show(
            a={'scope': 'psu'},
            b={'scope': 'outlet'},
            c={'scope': 'node', 'host': 'node-42'},
        )

        self.assertEqual(
            ['node-42_node-42'],
            [sample.resource_id for sample in self.poll('{host}')],
        )

    def test_unknown_power_yields_no_sample(self):
        self.api.show(a={'w': None})

        self.assertEqual([], self.poll('{host}'))

    def test_missing_option_disables_pollster_silently(self):
        self.assertRaises(plugin_base.ExtensionLoadError, self.make)

        self.assertEqual('', self.log.output)

    def test_constant_compute_host_is_reported(self):
        self.assertRaises(
            plugin_base.ExtensionLoadError,
            self.make,
            '[energy_meter]',
            'compute_host = node',
        )

        self.assertIn(
            "[energy_meter] compute_host is 'node', which lacks {host}",
            self.log.output,
        )
