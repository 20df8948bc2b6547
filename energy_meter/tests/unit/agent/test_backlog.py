# SPDX-License-Identifier: Apache-2.0

"""A full backlog loses resolution, but no energy."""

import hypothesis
from hypothesis import strategies
from oslotest import base

from energy_meter import measurement
from energy_meter.agent import backlog
from energy_meter.agent import metrics
from energy_meter.telemetry import counters


def make_measurement(register, elapsed):
    return measurement.Measurement(
        measurement.Series(
            measurement.Probe(
                register, 'node', register, 'meter', 'dummy', 'agent'
            ),
            measurement.RegisterKey('uuid', register),
            None,
            True,
        ),
        elapsed,
        elapsed,
        elapsed * 1000,
        elapsed,
    )


class BacklogTest(base.BaseTestCase):
    def make(self, limit):
        self.counters = counters.Counters(metrics.COUNTERS)
        return backlog.Backlog(limit, self.counters)

    def test_measurements_are_taken_in_order(self):
        queue = self.make(10)
        measurements = [make_measurement('r', elapsed) for elapsed in range(5)]

        queue.put(measurements[:3])
        queue.put(measurements[3:])

        self.assertEqual(measurements[:2], queue.take(2))
        self.assertEqual(measurements[2:], queue.take(100))
        self.assertEqual([], queue.take(1))
        self.assertEqual(0, len(queue))

    def test_requeued_measurements_are_taken_first(self):
        queue = self.make(10)
        measurements = [make_measurement('r', elapsed) for elapsed in range(5)]
        queue.put(measurements[:4])
        taken = queue.take(2)
        queue.put(measurements[4:])

        queue.requeue(taken)

        self.assertEqual(measurements, queue.take(5))
        self.assertEqual(0.0, self.counters.value('backlog_coalesced'))

    def test_full_backlog_keeps_newest_measurement_of_each_register(self):
        queue = self.make(4)

        queue.put(
            [
                make_measurement('a', 1),
                make_measurement('b', 1),
                make_measurement('a', 2),
                make_measurement('b', 2),
                make_measurement('a', 3),
            ]
        )

        self.assertCountEqual(
            [make_measurement('a', 3), make_measurement('b', 2)],
            queue.take(9),
        )
        self.assertEqual(3.0, self.counters.value('backlog_coalesced'))

    def test_newest_measurement_is_determined_by_elapsed(self):
        queue = self.make(2)
        queue.put([make_measurement('a', 3), make_measurement('a', 1)])

        queue.put([make_measurement('a', 2)])

        self.assertEqual([make_measurement('a', 3)], queue.take(9))

    def test_requeued_measurements_do_not_replace_newer_ones(self):
        queue = self.make(2)
        queue.put([make_measurement('a', 1), make_measurement('a', 2)])
        taken = queue.take(2)
        queue.put([make_measurement('a', 3), make_measurement('a', 4)])

        queue.requeue(taken)

        self.assertEqual([make_measurement('a', 4)], queue.take(9))

    def test_more_registers_than_the_limit_are_kept(self):
        queue = self.make(2)
        measurements = [make_measurement(name, 1) for name in 'abcdef']

        queue.put(measurements)

        self.assertEqual(measurements, queue.take(9))
        self.assertEqual(0.0, self.counters.value('backlog_coalesced'))

    @hypothesis.given(
        strategies.integers(1, 6),
        strategies.lists(
            strategies.tuples(
                strategies.sampled_from('abc'),
                strategies.sampled_from(['put', 'take', 'fail']),
            ),
            max_size=60,
        ),
    )
    def test_newest_measurement_of_each_register_is_never_lost(
        self, limit, operations
    ):
        queue = self.make(limit)
        newest, sent = {}, {}
        for elapsed, (name, operation) in enumerate(operations):
            if operation == 'put':
                newest[name] = elapsed
                queue.put([make_measurement(name, elapsed)])
                continue
            taken = queue.take(2)
            if operation == 'fail':
                queue.requeue(taken)
                continue
            sent.update((each.register.id, each.elapsed) for each in taken)

        sent.update(
            (each.register.id, each.elapsed) for each in queue.take(1000)
        )

        self.assertEqual(newest, sent)
        self.assertEqual(0, len(queue))

    def test_size_is_limited_to_the_limit_or_twice_the_registers(self):
        queue = self.make(5)

        for elapsed in range(100):
            queue.put([make_measurement('abcd'[elapsed % 4], elapsed)])
            self.assertLessEqual(len(queue), 8)
