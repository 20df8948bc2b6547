# SPDX-License-Identifier: Apache-2.0

"""Prometheus counters of one service."""

import threading

from oslotest import base
import prometheus_client

from energy_meter.telemetry import counters

DEFINITIONS = (
    counters.Definition('messages', 'Messages'),
    counters.Definition(
        'rejected', 'Rejected messages', 'reason', ('signature', 'size')
    ),
    counters.Definition('hangs', 'Drivers that hung', 'wattmeter'),
)


class CountersTest(base.BaseTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.counters = counters.Counters(DEFINITIONS)

    def test_counts_are_added(self):
        self.counters.count('messages')
        self.counters.count('messages', 2)
        self.assertEqual(3, self.counters.value('messages'))

    def test_declared_series_start_at_zero(self):
        self.assertEqual(0, self.counters.value('messages'))
        self.assertEqual(
            {'messages': 0, 'rejected (signature)': 0, 'rejected (size)': 0},
            self.counters.totals(),
        )

    def test_label_values_are_counted_separately(self):
        self.counters.count('rejected', reason='signature')
        self.counters.count('rejected', 4, reason='size')

        self.assertEqual(4, self.counters.value('rejected', reason='size'))
        self.assertEqual(
            {'messages': 0, 'rejected (signature)': 1, 'rejected (size)': 4},
            self.counters.totals(),
        )

    def test_undeclared_label_value_is_counted(self):
        self.counters.count('hangs', wattmeter='pdu-1')

        self.assertEqual(1, self.counters.totals()['hangs (pdu-1)'])

    def test_unknown_counter_is_an_error(self):
        self.assertRaises(KeyError, self.counters.count, 'mesages')

    def test_services_of_one_process_have_separate_counters(self):
        self.counters.count('messages')
        self.assertEqual(0, counters.Counters(DEFINITIONS).value('messages'))

    def test_counting_is_thread_safe(self):
        def count() -> None:
            for _ in range(1000):
                self.counters.count('messages')

        threads = [threading.Thread(target=count) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(4000, self.counters.value('messages'))

    def test_failed_delivery_is_timed(self):
        def deliver() -> None:
            with self.counters.batch_duration():
                raise OSError

        self.assertRaises(OSError, deliver)
        self.assertEqual(
            1,
            self.counters.registry.get_sample_value(
                'energy_meter_batch_duration_seconds_count'
            ),
        )

    def test_counter_is_exported_with_its_label(self):
        self.counters.count('hangs', wattmeter='desk')
        self.assertIn(
            b'energy_meter_hangs_total{wattmeter="desk"} 1.0',
            prometheus_client.generate_latest(self.counters.registry),
        )
