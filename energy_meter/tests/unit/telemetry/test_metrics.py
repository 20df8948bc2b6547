# SPDX-License-Identifier: Apache-2.0

"""Metrics of a process, as Prometheus reads them."""

import socket
import urllib.request

from oslotest import base
import prometheus_client
from prometheus_client import parser

from energy_meter import conf as energy_meter_conf
from energy_meter import exception
from energy_meter.telemetry import counters
from energy_meter.telemetry import metrics


def read(registry):
    """Return the exported metrics, as parsed by Prometheus."""
    text = prometheus_client.generate_latest(registry).decode()
    return list(parser.text_string_to_metric_families(text))


DEFINITIONS = (
    counters.Definition('messages', 'Messages'),
    counters.Definition(
        'envelopes_rejected', 'Rejected envelopes', 'reason', ('malformed',)
    ),
)


class RegistryTest(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.agent, self.collector = (
            counters.Counters(DEFINITIONS),
            counters.Counters(DEFINITIONS),
        )
        self.registry = metrics.registry(
            {'agent': self.agent, 'collector': self.collector}, '1.2.3'
        )

    def test_services_of_a_process_are_distinguished(self):
        self.agent.count('messages')
        self.collector.count('messages', 2)
        self.collector.count('envelopes_rejected', reason='malformed')

        for name, labels, value in (
            ('messages', {'service': 'agent'}, 1),
            ('messages', {'service': 'collector'}, 2),
            (
                'envelopes_rejected',
                {'service': 'collector', 'reason': 'malformed'},
                1,
            ),
        ):
            self.assertEqual(
                value,
                self.registry.get_sample_value(
                    f'energy_meter_{name}_total', labels
                ),
            )

    def test_each_metric_is_described_once(self):
        for counts in (self.agent, self.collector):
            counts.count('messages')
            with counts.batch_duration():
                pass

        for _ in range(2):
            names = [family.name for family in read(self.registry)]
            self.assertCountEqual(set(names), names)
            self.assertIn('energy_meter_messages', names)
            self.assertIn('energy_meter_batch_duration_seconds', names)
            self.assertIn('process_resident_memory_bytes', names)

    def test_version_is_exported(self):
        self.assertEqual(
            1,
            self.registry.get_sample_value(
                'energy_meter_info', {'version': '1.2.3'}
            ),
        )

    def test_failed_batch_is_timed(self):
        def fail():
            with self.agent.batch_duration():
                raise OSError()

        self.assertRaises(OSError, fail)

        self.assertEqual(
            1,
            self.registry.get_sample_value(
                'energy_meter_batch_duration_seconds_count',
                {'service': 'agent'},
            ),
        )

    def test_totals_are_named_with_their_label_values(self):
        self.agent.count('messages', 3)
        self.agent.count('envelopes_rejected', reason='malformed')

        self.assertEqual(
            {'messages': 3, 'envelopes_rejected (malformed)': 1},
            self.agent.totals(),
        )


class ServerTest(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.conf = energy_meter_conf.load([], 'test', files=[])
        self.counters = counters.Counters(DEFINITIONS)

    def make(self, port):
        self.conf.set_override('port', port, 'metrics')
        server = metrics.MetricsServer(
            self.conf, metrics.registry({'agent': self.counters}, '1')
        )
        self.addCleanup(server.stop)
        return server

    def listen(self):
        """Listen on a port of the loopback interface, and return it."""
        server = socket.create_server(('127.0.0.1', 0))
        self.addCleanup(server.close)
        return server.getsockname()[1]

    def free_port(self):
        with socket.create_server(('127.0.0.1', 0)) as server:
            return server.getsockname()[1]

    def test_metrics_are_served_until_stop(self):
        port = self.free_port()
        server = self.make(port)
        server.start()
        self.counters.count('messages')
        url = f'http://127.0.0.1:{port}/metrics'

        with urllib.request.urlopen(url, timeout=20) as response:
            self.assertIn(
                'energy_meter_messages_total{service="agent"} 1.0',
                response.read().decode(),
            )

        server.stop()
        self.assertRaises(OSError, urllib.request.urlopen, url, timeout=20)

    def test_port_in_use_is_an_error(self):
        port = self.listen()

        error = self.assertRaises(
            exception.ConfigurationError, self.make(port).start
        )

        self.assertIn(
            f'[metrics] bind_host, port: cannot listen on 127.0.0.1:{port}',
            str(error),
        )

    def test_server_without_port_does_not_listen(self):
        server = self.make(None)

        server.start()
        server.stop()
