# SPDX-License-Identifier: Apache-2.0

"""What Prometheus gets to read."""

import socket
import urllib.request

from oslotest import base
import prometheus_client
from prometheus_client import parser

from energy_meter import conf as energy_meter_conf
from energy_meter import counters
from energy_meter import exception
from energy_meter import metrics


def read(registry):
    """Parse what is shown, as a server of Prometheus does."""
    text = prometheus_client.generate_latest(registry).decode()
    return list(parser.text_string_to_metric_families(text))


class RegistryTest(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.agent, self.collector = counters.Counters(), counters.Counters()
        self.registry = metrics.registry(
            {'agent': self.agent, 'collector': self.collector}, '1.2.3'
        )

    def test_services_of_a_process_are_told_apart(self):
        self.agent.count('messages')
        self.collector.count('messages', 2)
        self.collector.count('rejected', cause='malformed')

        for name, labels, value in (
            ('messages', {'service': 'agent'}, 1),
            ('messages', {'service': 'collector'}, 2),
            ('rejected', {'service': 'collector', 'cause': 'malformed'}, 1),
        ):
            self.assertEqual(
                value,
                self.registry.get_sample_value(
                    f'energy_meter_{name}_total', labels
                ),
            )

    def test_no_metric_is_described_twice(self):
        for counts in (self.agent, self.collector):
            counts.count('messages')
            with counts.flushing():
                pass

        for _ in range(2):
            names = [family.name for family in read(self.registry)]
            self.assertCountEqual(set(names), names)
            self.assertIn('energy_meter_messages', names)
            self.assertIn('energy_meter_flush_seconds', names)
            self.assertIn('process_resident_memory_bytes', names)

    def test_the_version_is_told(self):
        self.assertEqual(
            1,
            self.registry.get_sample_value(
                'energy_meter_info', {'version': '1.2.3'}
            ),
        )

    def test_failed_batches_are_timed_too(self):
        def fail():
            with self.agent.flushing():
                raise OSError()

        self.assertRaises(OSError, fail)

        self.assertEqual(
            1,
            self.registry.get_sample_value(
                'energy_meter_flush_seconds_count', {'service': 'agent'}
            ),
        )

    def test_totals_are_named_with_their_labels(self):
        self.agent.count('messages', 3)
        self.agent.count('rejected', cause='malformed')

        self.assertEqual(
            {'messages': 3, 'rejected (malformed)': 1}, self.agent.totals()
        )


class ServerTest(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.conf = energy_meter_conf.load([], 'test', files=[])
        self.counters = counters.Counters()

    def make(self, port):
        self.conf.set_override('port', port, 'metrics')
        made = metrics.Server(
            self.conf, metrics.registry({'agent': self.counters}, '1')
        )
        self.addCleanup(made.stop)
        return made

    def listen(self):
        """Take a port of the loopback interface."""
        taken = socket.create_server(('127.0.0.1', 0))
        self.addCleanup(taken.close)
        return taken.getsockname()[1]

    def free_port(self):
        with socket.create_server(('127.0.0.1', 0)) as found:
            return found.getsockname()[1]

    def test_shows_metrics_until_it_is_stopped(self):
        port = self.free_port()
        server = self.make(port)
        server.start()
        self.counters.count('messages')
        url = f'http://127.0.0.1:{port}/metrics'

        with urllib.request.urlopen(url, timeout=20) as answer:
            self.assertIn(
                'energy_meter_messages_total{service="agent"} 1.0',
                answer.read().decode(),
            )

        server.stop()
        self.assertRaises(OSError, urllib.request.urlopen, url, timeout=20)

    def test_a_port_that_is_taken_is_an_error(self):
        port = self.listen()

        error = self.assertRaises(
            exception.ConfigurationError, self.make(port).start
        )

        self.assertIn(
            f'[metrics] host, port: can not listen on 127.0.0.1, port {port}',
            str(error),
        )

    def test_without_a_port_nothing_listens(self):
        server = self.make(None)

        server.start()
        server.stop()
