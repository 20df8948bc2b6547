# SPDX-License-Identifier: Apache-2.0

"""The register: rules 4 to 6 of the design, and that it never falls."""

import itertools
import math

import hypothesis
from hypothesis import strategies
from oslotest import base

from energy_meter import measurement
from energy_meter import register
from energy_meter.drivers import dummy

MAX_WATTS = 2000.0
MAX_GAP = 60.0
KWH = 3.6e6

#: 1 J a tick, and one that wraps after 65,536 of them.
FINE = measurement.Counter(joules=1.0)
WRAPPING = measurement.Counter(joules=1.0, size=65_536)
#: Shows tenths of a kilowatt hour.
COARSE = measurement.Counter(joules=0.1 * KWH)

pauses = strategies.floats(0.01, MAX_GAP - 1)
watts = strategies.floats(0, MAX_WATTS)


def power(value):
    return measurement.Reading('p', value)


def ticks(value, counter=FINE, watts=None):
    return measurement.Reading('p', watts, value, counter)


class RefusalTest(base.BaseTestCase):
    def refusal(self, **values):
        return register.refusal(measurement.Reading('p', **values), MAX_WATTS)

    def test_possible_readings_are_not_refused(self):
        for values in (
            {'watts': 0.0},
            {'watts': MAX_WATTS},
            {'ticks': 0, 'counter': FINE},
            {'watts': 1.0, 'volts': 230.0, 'amperes': 0.0},
        ):
            self.assertIsNone(self.refusal(**values))

    def test_what_is_not_finite_is_refused(self):
        for name in ('watts', 'volts', 'amperes', 'at'):
            for value in (math.nan, math.inf, -math.inf):
                values = {'watts': 1.0, name: value}
                self.assertEqual('not-finite', self.refusal(**values), name)

    def test_what_is_negative_is_refused(self):
        # A receiver would refuse a whole message for one of these.
        for name in ('watts', 'volts', 'amperes', 'ticks'):
            values = {'watts': 1.0, name: -1}
            self.assertEqual('negative', self.refusal(**values), name)

    def test_more_than_the_probe_can_draw_is_refused(self):
        self.assertEqual('too-large', self.refusal(watts=MAX_WATTS + 0.1))

    def test_volts_alone_are_no_reading_of_power_or_energy(self):
        self.assertEqual('empty', self.refusal(volts=230.0))


class PowerFeedTest(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.feed = register.PowerFeed(MAX_GAP)

    def test_the_first_reading_bills_nothing(self):
        self.assertEqual(register.NOTHING, self.feed.read(power(100.0), 50.0))

    def test_a_silence_of_max_gap_is_integrated_over(self):
        self.feed.read(power(100.0), 1.0)

        self.assertEqual((9000.0, 60.0), self.feed.read(power(200.0), 61.0))

    def test_a_longer_silence_is_not(self):
        self.feed.read(power(100.0), 1.0)

        self.assertEqual(register.NOTHING, self.feed.read(power(100.0), 61.5))
        self.assertEqual((100.0, 1.0), self.feed.read(power(100.0), 62.5))

    def test_a_reading_without_watts_is_not_a_reading_of_zero(self):
        self.feed.read(power(100.0), 1.0)
        self.feed.read(ticks(7), 2.0)

        self.assertEqual((200.0, 2.0), self.feed.read(power(100.0), 3.0))

    @hypothesis.given(
        strategies.lists(
            strategies.tuples(pauses, watts), min_size=2, max_size=50
        ),
        strategies.lists(strategies.floats(0, 1), max_size=20),
    )
    def test_piecewise_linear_power_is_exact_wherever_it_is_sampled(
        self, corners, extra
    ):
        # Given power that goes straight from corner to corner,
        times = list(itertools.accumulate(pause for pause, _ in corners))
        heights = [height for _, height in corners]

        def power_at(at):
            index = max(1, next(i for i, t in enumerate(times) if t >= at))
            share = (at - times[index - 1]) / (times[index] - times[index - 1])
            return heights[index - 1] * (1 - share) + heights[index] * share

        # when it is read at each corner and anywhere between,
        span = times[-1] - times[0]
        samples = sorted(
            {
                *times,
                *(min(times[0] + share * span, times[-1]) for share in extra),
            }
        )
        feed = register.PowerFeed(MAX_GAP)
        progress = [feed.read(power(power_at(at)), at) for at in samples]

        # then the energy is the area of the trapezoids.
        area = sum(
            (a + b) / 2 * (end - begin)
            for a, b, begin, end in zip(
                heights, heights[1:], times, times[1:], strict=False
            )
        )
        self.assertTrue(
            math.isclose(
                area,
                sum(item.joules for item in progress),
                rel_tol=1e-9,
                abs_tol=1e-6,
            )
        )
        self.assertTrue(
            math.isclose(
                span, sum(item.seconds for item in progress), rel_tol=1e-9
            )
        )

    @hypothesis.given(
        start=strategies.floats(0, 1000),
        jitter=strategies.lists(
            strategies.floats(-0.3, 0.3), min_size=200, max_size=200
        ),
    )
    @hypothesis.settings(max_examples=25)
    def test_a_sine_is_metered_within_half_a_thousandth(self, start, jitter):
        # Given the dummy's sine, read at 1 Hz for some minutes and not at
        # all on time,
        wave = dummy.Wave('sine', 75.0, 125.0, 60.0)
        samples = [start + i + late for i, late in enumerate(jitter)]

        # when it is metered,
        joules = sum(
            self.feed.read(power(wave.power(at)), at).joules for at in samples
        )
        self.feed = register.PowerFeed(MAX_GAP)

        # then the energy is that of the integral.
        true = wave.energy(samples[-1]) - wave.energy(samples[0])
        self.assertLess(abs(joules - true) / true, 0.0005)


class CounterFeedTest(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.feed = register.CounterFeed(FINE, MAX_WATTS, MAX_GAP)
        self.at = 0.0

    def read(self, *values, every=1.0):
        """Read values of the counter one after another; give the joules."""
        joules = 0.0
        for value in values:
            self.at += every
            joules += self.feed.read(ticks(value), self.at).joules
        return joules

    def test_the_first_reading_bills_nothing(self):
        self.assertEqual(0.0, self.read(1_000_000))

    def test_what_the_counter_rises_is_billed(self):
        self.assertEqual(250.0, self.read(1000, 1100, 1100, 1250))

    def test_a_counter_bills_across_gaps(self):
        self.read(0)
        self.at += 36_000

        progress = self.feed.read(ticks(3_600_000), self.at)

        self.assertEqual((3_600_000.0, 36_000.0), progress)

    def test_a_wrap_is_billed_as_what_it_is(self):
        self.feed = register.CounterFeed(WRAPPING, MAX_WATTS, MAX_GAP)

        self.assertEqual(200.0, self.read(65_436, 65_500, 100))

    def test_one_zero_read_from_a_booting_pdu_bills_nothing(self):
        self.assertEqual(300.0, self.read(9000, 9100, 0, 9300))

    def test_zeros_for_an_hour_bill_nothing(self):
        self.read(9000, 9100)

        self.assertEqual(0.0, self.read(*[0] * 3600))
        self.assertEqual(100.0, self.read(9200))

    def test_a_stale_value_bills_nothing_and_hides_nothing(self):
        self.assertEqual(300.0, self.read(9000, 9100, 9050, 9300))

    def test_a_mad_value_bills_nothing_and_hides_nothing(self):
        self.assertEqual(300.0, self.read(9000, 9100, 2**62, 9300))

    def test_a_reset_counter_is_believed_after_max_gap(self):
        self.read(9000, 9100)

        believed = self.read(*range(0, 60 * 50, 50))
        self.assertEqual(0.0, believed)
        # Then all that it showed since is billed, and nothing of the jump.
        self.assertEqual(3000.0, self.read(3000))
        self.assertTrue(self.feed.rebased)
        self.assertEqual(50.0, self.read(3050))
        self.assertFalse(self.feed.rebased)

    def test_a_reset_counter_is_not_believed_before_three_rises(self):
        self.read(90_000, 90_100)

        self.assertEqual(0.0, self.read(0, 10, 20, every=1000.0))
        self.assertEqual(30.0, self.read(30, every=1000.0))

    def test_metered_seconds_leave_out_what_a_reset_hid(self):
        progress = [
            self.feed.read(ticks(value), at)
            for value, at in (
                (9000, 0.0),
                (9100, 1.0),
                (5, 41.0),
                (10, 51.0),
                (15, 61.0),
                (20, 101.0),
            )
        ]

        self.assertEqual(1.0 + 60.0, sum(item.seconds for item in progress))

    def test_a_replaced_device_bills_nothing_of_the_jump(self):
        # Given one whose counter stands higher, by what the probe could draw
        # in 50 seconds,
        self.read(9000, 9100)

        # when seconds pass, so that the jump becomes possible,
        billed = self.read(*range(109_100, 109_100 + 300))

        # then only what the new device counted is billed.
        self.assertEqual(299.0, billed)

    def test_a_replaced_device_that_idles_bills_nothing_of_the_jump(self):
        self.read(9000, 9100)

        self.assertEqual(0.0, self.read(*[109_100] * 600))
        self.assertEqual(3.0, self.read(109_101, 109_102, 109_103))

    def test_a_gap_makes_a_large_step_possible_but_not_any(self):
        self.read(0)
        self.at += 3600

        self.assertEqual(0.0, self.read(int(MAX_WATTS * 3601) + 2))

    def test_power_is_known_between_two_movements(self):
        self.read(1000)
        self.assertIsNone(self.feed.watts)
        # How long it had stood at 1000 nobody knows.
        self.read(1500)
        self.assertIsNone(self.feed.watts)
        self.read(1500, 1500, 1800)
        self.assertEqual(100.0, self.feed.watts)

    def test_power_of_a_counter_that_stands_still_fades(self):
        self.read(1000, 1100, 1200)
        self.assertEqual(100.0, self.feed.watts)

        # Devices refresh their counters at their leisure,
        self.read(*[1200] * 60)
        self.assertEqual(100.0, self.feed.watts)
        # but no load at all must not show as the last one for ever.
        self.read(*[1200] * 40)
        self.assertEqual(0.01, self.feed.watts)

    @hypothesis.given(
        strategies.sampled_from([FINE, WRAPPING]),
        strategies.lists(
            strategies.tuples(
                strategies.floats(0.1, 30.0),
                strategies.floats(0.1, 1),
                strategies.none() | strategies.integers(31_000, 65_000),
            ),
            min_size=1,
            max_size=40,
        ),
    )
    def test_single_mad_values_change_nothing(self, counter, readings):
        # Given a counter that now and then is off by more than the probe can
        # have drawn since it was read,
        feed = register.CounterFeed(counter, MAX_WATTS, MAX_GAP)
        at, true, billed = 0.0, 30_000, 0.0

        def read(value):
            shown = value % counter.size if counter.size else value
            return feed.read(ticks(shown, counter), at).joules

        # when it is read between mad values,
        read(true)
        for pause, load, off_by in readings:
            at += pause / 2
            if off_by is not None:
                billed += read(true + off_by)
            at += pause / 2
            true += int(load * MAX_WATTS * pause / 2)
            billed += read(true)

        # then what was used is billed.
        self.assertEqual(true - 30_000, billed)

    @hypothesis.given(
        strategies.sampled_from([FINE, WRAPPING]),
        strategies.lists(
            strategies.tuples(
                strategies.floats(0.1, 100.0), strategies.integers(0, 65_535)
            ),
            min_size=2,
            max_size=60,
        ),
    )
    def test_no_sequence_bills_more_than_the_probe_can_draw(
        self, counter, readings
    ):
        feed = register.CounterFeed(counter, MAX_WATTS, MAX_GAP)
        at, billed = 0.0, 0.0
        for pause, value in readings:
            at += pause
            progress = feed.read(ticks(value, counter), at)
            self.assertGreaterEqual(progress.joules, 0.0)
            self.assertGreaterEqual(progress.seconds, 0.0)
            billed += progress.joules

        self.assertLessEqual(
            billed, MAX_WATTS * at + len(readings) * counter.resolution
        )


class CoarseCounter:
    """A device that has counted tenths of a kilowatt hour for long."""

    def __init__(self, phase):
        self.joules = (1000 + phase) * COARSE.joules

    def show(self, watts):
        return ticks(int(self.joules // COARSE.joules), COARSE, watts)


phases = strategies.floats(0, 1, exclude_max=True)


class CoarseFeedTest(base.BaseTestCase):
    INTERVAL = 60.0
    STEP = COARSE.resolution

    def meter(self, device, watts, seconds, feed, begin=0.0):
        """Meter a constant load; give the joules billed."""
        billed = feed.read(device.show(watts), begin).joules
        for i in range(1, int(seconds / self.INTERVAL) + 1):
            device.joules += watts * self.INTERVAL
            billed += feed.read(
                device.show(watts), begin + i * self.INTERVAL
            ).joules
        return billed

    def make(self):
        return register.CoarseFeed(COARSE, MAX_WATTS, 3 * self.INTERVAL)

    def test_power_fills_the_steps(self):
        # 250 W for ten minutes are far less than a step.
        billed = self.meter(CoarseCounter(0.5), 250.0, 600.0, self.make())

        self.assertEqual(150_000.0, billed)

    def test_shows_at_most_one_step_more_than_the_counter_bears_out(self):
        # Given a counter that stands still while power is read,
        feed = self.make()

        billed = sum(
            feed.read(ticks(5, COARSE, 250.0), at * 60.0).joules
            for at in range(100)
        )

        self.assertEqual(self.STEP, billed)

    def test_without_power_the_first_movement_only_fixes_the_phase(self):
        feed = self.make()

        billed = [
            feed.read(ticks(value, COARSE), at * 1000.0).joules
            for at, value in enumerate((7, 8, 9, 10))
        ]

        self.assertEqual([0.0, 0.0, self.STEP, self.STEP], billed)

    def test_a_counter_bills_across_gaps_of_power(self):
        feed = self.make()
        device = CoarseCounter(0.0)
        self.meter(device, 250.0, 4000.0, feed)

        # Silence for ten hours; then the counter stands 25 steps higher.
        device.joules += 25 * self.STEP
        billed = feed.read(device.show(250.0), 40_000.0).joules

        self.assertAlmostEqual(25 * self.STEP, billed, delta=self.STEP)

    @hypothesis.given(
        phase=phases,
        watts=strategies.floats(0, MAX_WATTS),
        hours=strategies.integers(1, 60),
    )
    @hypothesis.settings(max_examples=50)
    def test_started_at_any_phase_it_bills_what_was_used(
        self, phase, watts, hours
    ):
        seconds = hours * 3600.0
        billed = self.meter(CoarseCounter(phase), watts, seconds, self.make())

        # A movement may be seen as late as one interval after it happened.
        self.assertAlmostEqual(
            watts * seconds, billed, delta=watts * self.INTERVAL + 0.001
        )

    def test_a_server_restarted_daily_for_a_year_is_billed_what_it_used(self):
        # Given days a minute too long, so that every phase is met,
        device, seconds = CoarseCounter(0.37), 86_460.0

        billed = sum(
            self.meter(device, 250.0, seconds, self.make()) for _ in range(365)
        )

        true = 250.0 * seconds * 365
        self.assertLess(abs(billed - true) / true, 0.001)

    @hypothesis.given(
        phase=phases,
        reset_to=phases,
        watts=strategies.floats(100, MAX_WATTS),
        hours=strategies.integers(0, 30),
    )
    @hypothesis.settings(max_examples=30)
    def test_a_reset_bills_what_was_used_all_the_same(
        self, phase, reset_to, watts, hours
    ):
        # Given a device that is reset anywhere in its step,
        device, feed = CoarseCounter(phase), self.make()
        before = hours * 3600.0
        billed = self.meter(device, watts, before, feed)
        device.joules = reset_to * self.STEP

        # when its new course is believed,
        after = 40 * 3600.0
        billed += self.meter(device, watts, after, feed, before + 1e-6)

        # then nothing was billed twice and nothing lost.
        self.assertAlmostEqual(
            watts * (before + after), billed, delta=2 * watts * self.INTERVAL
        )

    @hypothesis.given(
        strategies.lists(
            strategies.tuples(
                strategies.floats(1, 3000),
                strategies.integers(0, 20),
                strategies.one_of(strategies.none(), watts),
            ),
            max_size=60,
        )
    )
    def test_never_falls_whatever_it_is_told(self, readings):
        feed = self.make()
        at = 0.0
        for pause, value, load in readings:
            at += pause
            progress = feed.read(ticks(value, COARSE, load), at)

            self.assertGreaterEqual(progress.joules, 0.0)
            self.assertGreaterEqual(progress.seconds, 0.0)


class FeedForTest(base.BaseTestCase):
    def feed_for(self, reading, energy='auto'):
        return type(register.feed_for(reading, energy, MAX_WATTS, MAX_GAP))

    def test_power_is_integrated_where_there_is_no_counter(self):
        self.assertIs(register.PowerFeed, self.feed_for(power(1.0)))

    def test_a_counter_is_preferred(self):
        self.assertIs(register.CounterFeed, self.feed_for(ticks(1)))

    def test_a_coarse_counter_is_filled_from_power(self):
        self.assertIs(register.CoarseFeed, self.feed_for(ticks(1, COARSE)))
        # A step is what counts, not a tick.
        leaping = measurement.Counter(joules=1.0, step=40_000)
        self.assertIs(register.CoarseFeed, self.feed_for(ticks(1, leaping)))

    def test_power_can_be_insisted_on(self):
        self.assertIs(register.PowerFeed, self.feed_for(ticks(1), 'integrate'))

    def test_a_counter_can_be_insisted_on(self):
        self.assertIs(
            register.CounterFeed, self.feed_for(ticks(1, COARSE), 'counter')
        )

    def test_power_is_not_billed_in_place_of_a_counter_insisted_on(self):
        feed = register.feed_for(power(100.0), 'counter', MAX_WATTS, MAX_GAP)

        for at in range(1, 5):
            self.assertEqual(register.NOTHING, feed.read(power(100.0), at))


PROBE = measurement.Probe('p', 'node', 'p', 'meter', 'dummy', 'agent')
KEY = measurement.RegisterKey('uuid', '0123456789abcdef', 1)


class RegisterTest(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.register = register.Register(KEY, 1000.0)
        self.register.feed = register.PowerFeed(MAX_GAP)

    def show(self):
        return self.register.show(PROBE, 1.7e9)

    def test_shows_what_was_metered_since_it_was_opened(self):
        self.register.read(power(100.0), 1010.0)
        self.register.read(power(100.0), 1020.5)

        self.assertEqual(
            (PROBE, KEY, 1.7e9, 20.5, 1_050_000, 10.5, 100.0, None, None),
            self.show(),
        )

    def test_shows_volts_and_amperes_of_the_last_reading(self):
        self.register.read(
            measurement.Reading('p', 100.0, volts=230.0, amperes=0.5), 1010.0
        )
        self.assertEqual((230.0, 0.5), self.show()[-2:])

        self.register.read(power(100.0), 1011.0)
        self.assertEqual((None, None), self.show()[-2:])

    def test_coverage_tells_a_gap(self):
        self.register.read(power(100.0), 1010.0)
        self.register.read(power(100.0), 1020.0)
        self.register.read(power(100.0), 1100.0)
        self.register.read(power(100.0), 1110.0)

        self.assertEqual(
            (110.0, 20.0), (self.show().elapsed, self.show().metered)
        )

    def test_power_that_is_not_known_is_not_shown(self):
        self.register.read(power(100.0), 1010.0)
        self.register.read(ticks(5), 1011.0)

        self.assertIsNone(self.show().watts)

    def test_a_reading_that_is_not_newer_is_dropped(self):
        self.register.read(power(100.0), 1010.0)
        self.register.read(power(100.0), 1020.0)
        before = self.show()

        for at in (1020.0, 1015.0, 900.0):
            self.assertFalse(self.register.read(power(500.0), at))
        self.assertEqual(before, self.show())

    def test_another_feed_goes_on_from_the_same_energy(self):
        self.register.read(power(100.0), 1010.0)
        self.register.read(power(100.0), 1020.0)

        self.register.feed = register.CounterFeed(FINE, MAX_WATTS, MAX_GAP)
        self.register.read(ticks(500_000), 1030.0)
        self.register.read(ticks(500_050), 1040.0)

        self.assertEqual(1_050_000, self.show().millijoules)

    def test_fractions_of_a_millijoule_are_not_lost(self):
        # 0.1 mJ a second
        for at in range(10_001):
            self.register.read(power(0.0001), 1001.0 + at)

        self.assertIn(self.show().millijoules, (999, 1000))

    @hypothesis.given(
        strategies.lists(
            strategies.tuples(
                strategies.floats(-10, 100),
                strategies.one_of(
                    watts.map(power),
                    strategies.integers(0, 70_000).map(ticks),
                    strategies.builds(
                        ticks,
                        strategies.integers(0, 50),
                        strategies.just(COARSE),
                        strategies.none() | watts,
                    ),
                ),
                strategies.booleans(),
            ),
            max_size=60,
        )
    )
    def test_never_falls_whatever_is_read(self, readings):
        opened = register.Register(KEY, 0.0)
        at = 0.0
        before = opened.show(PROBE, 0.0)
        for pause, reading, renewed in readings:
            if renewed or opened.feed is None:
                opened.feed = register.feed_for(
                    reading, 'auto', MAX_WATTS, MAX_GAP
                )
            at += pause
            opened.read(reading, at)

            shown = opened.show(PROBE, 0.0)
            self.assertGreaterEqual(shown.millijoules, before.millijoules)
            self.assertGreaterEqual(shown.metered, before.metered)
            self.assertGreaterEqual(shown.elapsed, before.elapsed)
            self.assertLessEqual(shown.metered, shown.elapsed * (1 + 1e-9))
            before = shown
