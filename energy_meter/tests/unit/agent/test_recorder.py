# SPDX-License-Identifier: Apache-2.0

"""Readings are validated, recorded and queued as measurements."""

import pathlib

import fixtures
from oslotest import base

from energy_meter import cpu_usage
from energy_meter import measurement
from energy_meter.agent import backlog
from energy_meter.agent import mark_buffer
from energy_meter.agent import metering
from energy_meter.agent import metrics
from energy_meter.agent import recorder
from energy_meter.agent import registers
from energy_meter.agent import validation
from energy_meter.telemetry import counters
from energy_meter.tests import clocks
from energy_meter.tests import usages

COUNTER = measurement.Counter(joules_per_tick=1.0)
MAX_WATTS = 500.0


def settings(probe: str, energy: str = 'auto') -> metering.Settings:
    return metering.Settings(
        measurement.Probe(probe, 'node', probe, 'meter', 'dummy', 'agent'),
        MAX_WATTS,
        60.0,
        energy,
        {},
    )


class RecorderTestCase(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.log = self.useFixture(fixtures.FakeLogger(validation.__name__))
        self.clock = clocks.Clock()
        self.counters = counters.Counters(metrics.COUNTERS)
        self.registers = registers.Registers('uuid', {}, 900, self.counters)
        self.backlog = backlog.Backlog(1000, self.counters)
        self.marks = mark_buffer.MarkBuffer(
            pathlib.Path(self.useFixture(fixtures.TempDir()).path, 'marks')
        )
        self.recorder = recorder.Recorder(
            self.registers,
            self.backlog,
            self.marks,
            self.clock,
            self.counters,
        )

    def configure(self, *probes, energy='auto'):
        self.registers.configure(
            [settings(probe, energy) for probe in probes], self.clock.now()
        )

    def record(self, probe, **values):
        """Record a reading, and return its measurement or None."""
        self.recorder.record([measurement.Reading(probe, **values)])
        return next(iter(self.backlog.take(1000)), None)

    def record_later(self, probe, **values):
        """Record a reading one second after the last one."""
        self.clock.advance(1.0)
        return self.record(probe, **values)

    def lines(self):
        return self.log.output.splitlines()


class TimeTest(RecorderTestCase):
    def setUp(self):
        super().setUp()
        self.configure('p')
        self.clock.advance(10.0)

    def record_at(self, offset):
        """Record a reading that is this many seconds in the future."""
        return self.record(
            'p', watts=1.0, monotonic=self.clock.monotonic + offset
        )

    def test_reading_without_time_gets_current_time(self):
        self.assertEqual(
            1_700_000_010_000, self.record('p', watts=1.0).timestamp
        )

    def test_reading_from_the_past_keeps_its_time(self):
        latest = self.record_at(-4.0)

        self.assertEqual(1_700_000_006_000, latest.timestamp)

    def test_reading_from_the_future_gets_current_time(self):
        latest = self.record_at(3600.0)

        self.assertEqual(1_700_000_010_000, latest.timestamp)

    def test_elapsed_is_the_time_of_the_reading(self):
        earlier = self.record_at(-4.0).elapsed
        later = self.record_at(-1.0).elapsed

        self.assertEqual(3000, later - earlier)

    def test_time_during_suspension_is_elapsed(self):
        # Drivers read CLOCK_MONOTONIC, which does not count it.
        earlier = self.record_at(-4.0).elapsed
        self.clock.suspend(3600.0)
        later = self.record_at(-1.0).elapsed

        self.assertEqual(3_603_000, later - earlier)


class MarksTest(RecorderTestCase):
    def test_marks_are_buffered_and_not_queued(self):
        self.configure('p')

        latest = self.record_later('p', watts=1.0)

        self.assertFalse(latest.is_mark)
        self.marks.flush()
        reader = self.marks.reader(1)
        self.addCleanup(reader.close)
        (mark,) = reader.read()
        self.assertEqual(
            (latest.register, 0, True),
            (mark.register, mark.elapsed, mark.is_mark),
        )


class ViolationTest(RecorderTestCase):
    def test_valid_reading_is_not_logged(self):
        self.configure('p')

        self.record_later('p', watts=1.0)

        self.assertEqual([], self.lines())

    def test_reading_of_unknown_probe_is_ignored(self):
        self.configure('p')

        self.assertIsNone(self.record_later('unknown', watts=-1.0))

        self.assertEqual([], self.lines())
        self.assertEqual(
            0.0, self.counters.value('readings_rejected', reason='negative')
        )

    def test_rejected_reading_does_not_change_the_register(self):
        self.configure('p')
        latest = self.record_later('p', watts=100.0)

        self.assertIsNone(self.record_later('p', watts=-100.0))

        self.assertEqual(
            [(latest, 2000)], self.registers.state(self.clock.now()).open
        )

    def test_each_reason_is_logged_once_for_each_probe(self):
        self.configure('p', 'q')

        for _ in range(100):
            for probe in ('p', 'q'):
                self.assertIsNone(self.record_later(probe, watts=-1.0))
                self.assertIsNotNone(self.record_later(probe, watts=1.0))
                self.assertIsNone(self.record_later(probe, watts=900.0))

        self.assertEqual(
            [
                f'Probe {probe}: reading rejected: {text}'
                for probe in ('p', 'q')
                for text in (
                    'a value is negative (-1 W)',
                    'more than max_watts = 500 (900 W)',
                )
            ],
            self.lines(),
        )
        self.assertEqual(
            200.0, self.counters.value('readings_rejected', reason='negative')
        )

    def test_missing_counter_is_logged_and_power_is_published(self):
        self.configure('p', energy='counter')

        measurements = [self.record_later('p', watts=100.0) for _ in range(3)]

        self.assertEqual(
            [(100.0, 0)] * 3,
            [(each.watts, each.millijoules) for each in measurements],
        )
        self.assertEqual(1, len(self.lines()))
        self.assertIn('Probe p: no energy is billed', self.lines()[0])
        self.assertEqual(
            3.0, self.counters.value('readings_unbilled', reason='no_counter')
        )

    def test_counter_without_power_is_logged_and_not_billed(self):
        self.configure('p', energy='integrate')

        measurements = [
            self.record_later('p', ticks=ticks, counter=COUNTER)
            for ticks in (100, 200, 300)
        ]

        self.assertEqual([0] * 3, [each.millijoules for each in measurements])
        self.assertIn('energy = integrate', self.lines()[0])

    def test_counter_that_contradicts_the_power_is_logged(self):
        # Given a counter in another unit than configured,
        self.configure('p')

        # when it is read for some minutes at 100 W,
        for second in range(300):
            latest = self.record_later(
                'p', watts=100.0, ticks=second * 1000, counter=COUNTER
            )

        # then it bills nothing, and is logged once.
        self.assertEqual((0, 100.0), (latest.millijoules, latest.watts))
        (line,) = self.lines()
        self.assertIn('Probe p: this time is not metered: the energy', line)
        self.assertIn('max_watts = 500', line)
        self.assertLess(
            200.0,
            self.counters.value(
                'readings_unbilled', reason='implausible_counter'
            ),
        )

    def test_counter_that_can_have_rolled_over_twice_is_logged(self):
        self.configure('p')
        wrapping = measurement.Counter(joules_per_tick=1.0, rollover=4096)

        for ticks in (0, 100, 200):
            self.clock.advance(60.0)
            latest = self.record('p', ticks=ticks, counter=wrapping)

        self.assertEqual((0, 0), (latest.millijoules, latest.metered))
        (line,) = self.lines()
        self.assertIn('can have rolled over more than once', line)
        self.assertEqual(
            2.0,
            self.counters.value(
                'readings_unbilled', reason='ambiguous_rollover'
            ),
        )

    def test_out_of_order_reading_is_counted_but_not_logged(self):
        self.configure('p')
        self.record_later('p', watts=1.0)

        self.assertIsNone(self.record('p', watts=1.0))

        self.assertEqual([], self.lines())
        self.assertEqual(
            1.0,
            self.counters.value('readings_rejected', reason='out_of_order'),
        )

    def test_unbilled_out_of_order_reading_is_counted_as_unbilled_only(self):
        self.configure('p', energy='counter')
        self.record_later('p', watts=1.0)

        self.assertIsNone(self.record('p', watts=1.0))

        self.assertEqual(
            2.0, self.counters.value('readings_unbilled', reason='no_counter')
        )
        self.assertEqual(
            0.0,
            self.counters.value('readings_rejected', reason='out_of_order'),
        )


class UsageTest(RecorderTestCase):
    def record_usage(self, counter, instance=1):
        """Record CPU time of a host 10 s after the last reading."""
        self.clock.advance(10.0)
        return self.record(
            'p',
            ticks=counter,
            counter=measurement.Counter(0.001),
            usage=cpu_usage.Snapshot(
                usages.layout(instance), (('process', counter),)
            ),
        )

    def test_vector_is_queued_once_a_minute(self):
        self.configure('p')

        queued = [self.record_usage(100 * number) for number in range(20)]

        self.assertEqual(
            [10_000, 60_000, 120_000, 180_000],
            [each.elapsed for each in queued if each is not None],
        )
        self.assertEqual((500,), queued[5].usage.cpu)

    def test_change_of_the_layout_is_marked_at_once(self):
        self.configure('p')
        for number in range(3):
            self.record_usage(100 * number)
        self.marks.take_unwritten()

        self.record_usage(400, instance=2)

        self.assertEqual(
            [(30_000, usages.layout(1), (200,))],
            [
                (mark.elapsed, *mark.usage)
                for mark in self.marks.take_unwritten()
            ],
        )

    def test_usage_that_readers_reject_is_not_recorded(self):
        self.configure('p')
        good = usages.instance(1)
        for instances, processes in (
            ((good._replace(name=''),), (('a', 1),)),
            ((good._replace(project='a b'),), (('a', 1),)),
            ((good._replace(uuid='1'),), (('a', 1),)),
            ((good, good), (('a', 1), ('a', 1))),
            ((good,), ()),
            ((good,), (('a', -1),)),
            ((good._replace(vcpus=-1),), (('a', 1),)),
        ):
            reading = measurement.Reading(
                'p',
                ticks=5,
                counter=measurement.Counter(0.001),
                usage=cpu_usage.Snapshot(
                    usages.layout()._replace(instances=instances), processes
                ),
            )
            self.assertEqual(
                'invalid_usage', validation.check(reading, MAX_WATTS)
            )
