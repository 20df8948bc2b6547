# SPDX-License-Identifier: Apache-2.0

"""Health metrics of wattmeters that work, fail and hang."""

import types

from oslotest import base
import prometheus_client
from prometheus_client import parser

from energy_meter.agent import health
from energy_meter.agent import worker


class HealthTest(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.health = health.Health()

    def samples(self):
        """Return the exported samples of one wattmeter, by metric."""
        registry = prometheus_client.CollectorRegistry()
        registry.register(
            health.HealthExporter(
                lambda: {'desk': self.health},
                [
                    health.Gauge('backlog_measurements', 'Queued', lambda: 7),
                    health.Gauge('clock_synchronized', 'Set', lambda: True),
                ],
            )
        )
        text = prometheus_client.generate_latest(registry).decode()
        return {
            sample.name.removeprefix('energy_meter_'): sample
            for family in parser.text_string_to_metric_families(text)
            for sample in family.samples
        }

    def test_wattmeter_is_down_before_first_reading(self):
        samples = self.samples()

        self.assertEqual(0, samples['wattmeter_up'].value)
        self.assertEqual({'wattmeter': 'desk'}, samples['wattmeter_up'].labels)
        self.assertNotIn('wattmeter_failure_start_timestamp_seconds', samples)

    def test_failing_wattmeter_exports_start_of_failure(self):
        self.health.succeed()
        self.health.fail()
        failing_since = self.samples()[
            'wattmeter_failure_start_timestamp_seconds'
        ].value
        self.health.fail()

        samples = self.samples()

        failing = samples['wattmeter_failure_start_timestamp_seconds']
        self.assertEqual({'wattmeter': 'desk'}, failing.labels)
        self.assertEqual(failing_since, failing.value)
        self.assertEqual(0, samples['wattmeter_up'].value)
        self.assertEqual(2, samples['wattmeter_restarts_total'].value)

    def test_recovered_wattmeter_is_up(self):
        self.health.fail()
        self.health.succeed()

        samples = self.samples()

        self.assertEqual(1, samples['wattmeter_up'].value)
        self.assertEqual(1, samples['wattmeter_restarts_total'].value)
        self.assertNotIn('wattmeter_failure_start_timestamp_seconds', samples)

    def test_gauges_are_exported(self):
        samples = self.samples()

        self.assertEqual(7, samples['backlog_measurements'].value)
        self.assertEqual(1, samples['clock_synchronized'].value)


class ReplacementTest(base.BaseTestCase):
    def test_replacement_of_hung_worker_keeps_its_health(self):
        hung = worker.Worker(
            types.SimpleNamespace(name='desk'), None, None, 60.0, None
        )
        hung.health.fail()

        self.assertIs(hung.health, hung.replacement().health)
        self.assertEqual(1, hung.replacement().failures)
