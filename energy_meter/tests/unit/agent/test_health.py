# SPDX-License-Identifier: Apache-2.0

"""What is told of wattmeters that work, fail and hang."""

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
        """Give what Prometheus reads of one wattmeter, by metric."""
        registry = prometheus_client.CollectorRegistry()
        registry.register(
            health.Collector(lambda: {'desk': self.health}, lambda: 7)
        )
        text = prometheus_client.generate_latest(registry).decode()
        return {
            sample.name.removeprefix('energy_meter_'): sample
            for family in parser.text_string_to_metric_families(text)
            for sample in family.samples
        }

    def test_a_wattmeter_is_not_up_before_it_was_read(self):
        found = self.samples()

        self.assertEqual(0, found['wattmeter_up'].value)
        self.assertEqual({'wattmeter': 'desk'}, found['wattmeter_up'].labels)
        self.assertNotIn('wattmeter_failing_since_seconds', found)

    def test_a_failing_wattmeter_tells_since_when_and_why(self):
        self.health.succeed()
        self.health.fail('first')
        since = self.samples()['wattmeter_failing_since_seconds'].value
        self.health.fail('a "quoted"\nerror')

        found = self.samples()

        failing = found['wattmeter_failing_since_seconds']
        self.assertEqual('a "quoted"\nerror', failing.labels['error'])
        self.assertEqual(since, failing.value)
        self.assertEqual(0, found['wattmeter_up'].value)
        self.assertEqual(2, found['wattmeter_restarts_total'].value)

    def test_a_wattmeter_that_recovers_is_up(self):
        self.health.fail('away')
        self.health.succeed()

        found = self.samples()

        self.assertEqual(1, found['wattmeter_up'].value)
        self.assertEqual(1, found['wattmeter_restarts_total'].value)
        self.assertNotIn('wattmeter_failing_since_seconds', found)

    def test_an_endless_error_is_cut(self):
        self.health.fail('x' * 10_000)

        self.assertEqual(200, len(self.health.error))

    def test_the_backlog_is_told(self):
        self.assertEqual(7, self.samples()['backlog_measurements'].value)


class WorkerTest(base.BaseTestCase):
    def test_a_hung_wattmeter_keeps_its_story(self):
        hung = worker.Worker(
            types.SimpleNamespace(name='desk'), None, None, 60.0, None
        )
        hung.health.fail('the driver hangs')

        self.assertIs(hung.health, hung.successor().health)
        self.assertEqual(1, hung.successor().failures)
