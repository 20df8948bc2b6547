# SPDX-License-Identifier: Apache-2.0


"""What a service counts about itself."""

import threading

from oslotest import base
import prometheus_client

from energy_meter import counters


class CountersTest(base.BaseTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.counters = counters.Counters()

    def test_counter_adds_up(self):
        self.counters.count('messages')
        self.counters.count('messages', 2)
        self.assertEqual(3, self.counters.value('messages'))

    def test_what_never_happened_is_zero(self):
        self.assertEqual(0, self.counters.value('messages'))
        self.assertEqual({}, self.counters.totals())

    def test_labels_are_told_apart(self):
        self.counters.count('rejected', cause='signature')
        self.counters.count('rejected', 4, cause='size')
        self.assertEqual(4, self.counters.value('rejected', cause='size'))
        self.assertEqual(
            {'rejected (signature)': 1, 'rejected (size)': 4},
            self.counters.totals(),
        )

    def test_unknown_counter_is_refused(self):
        self.assertRaises(KeyError, self.counters.count, 'mesages')

    def test_services_in_one_process_count_apart(self):
        self.counters.count('messages')
        self.assertEqual(0, counters.Counters().value('messages'))

    def test_threads_lose_no_count(self):
        def count() -> None:
            for _ in range(1000):
                self.counters.count('points')

        threads = [threading.Thread(target=count) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(4000, self.counters.value('points'))

    def test_flush_is_timed_though_it_failed(self):
        def flush() -> None:
            with self.counters.flushing():
                raise OSError

        self.assertRaises(OSError, flush)
        self.assertEqual(
            1,
            self.counters.registry.get_sample_value(
                'energy_meter_flush_seconds_count'
            ),
        )

    def test_prometheus_gets_them_with_their_labels(self):
        self.counters.count('hangs', wattmeter='desk')
        self.assertIn(
            b'energy_meter_hangs_total{wattmeter="desk"} 1.0',
            prometheus_client.generate_latest(self.counters.registry),
        )
