# SPDX-License-Identifier: Apache-2.0


"""From measurements to points."""

import math

import hypothesis
from hypothesis import strategies
from oslotest import base as test_base

from energy_meter.rrd import track
from energy_meter.tests.unit.rrd import base

RULES = track.Rules(step=1, max_gap=60.0, max_watts=1000.0)
NOW = base.EPOCH


def follow(words, rules=RULES, state=None):
    """Give the points of measurements."""
    state = state or track.Track(track.row_start(words[0].time, rules.step))
    points = []
    for word in words:
        more, state = track.follow(state, word, rules)
        points += more
    return points


def energy(points, since):
    """Give the energy that points tell, in joules."""
    total = 0.0
    for point in points:
        total += (point.watts or 0.0) * (point.time - since)
        since = point.time
    return total


class FollowTest(test_base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.meter = base.Meter()
        self.regular = self.meter.run(3)

    def test_measurement_tells_power_up_to_its_time(self):
        points = follow([*self.regular, self.meter.read(1, 150)])
        self.assertEqual((NOW + 4, 150), points[-1])
        self.assertEqual(4, len(points))

    def test_power_of_lost_messages_is_that_of_the_register(self):
        self.meter.read(10, 400)
        points = follow([*self.regular, self.meter.read(10, 200)])
        self.assertEqual((NOW + 23, 300), points[-1])
        self.assertEqual(4, len(points))

    def test_one_lost_message_is_noticed(self):
        self.meter.read(1, 400)
        points = follow([*self.regular, self.meter.read(1, 200)])
        self.assertEqual((NOW + 5, 300), points[-1])

    def test_after_lost_messages_measurements_count_again(self):
        self.meter.read(10, 400)
        points = follow(
            [
                *self.regular,
                self.meter.read(10, 200),
                self.meter.read(1, 150),
                self.meter.read(1, 160),
            ]
        )
        self.assertEqual([(NOW + 24, 150), (NOW + 25, 160)], points[-2:])

    def test_meter_that_is_read_less_often_is_believed_again(self):
        words = [
            *self.regular,
            *self.meter.run(60, 10.0, 100),
            self.meter.read(10, 100)._replace(watts=120),
        ]
        self.assertEqual((NOW + 613, 120), follow(words)[-1])

    def test_silence_of_the_meter_stays_unknown(self):
        self.meter.read(20, metered=False)
        points = follow([*self.regular, self.meter.read()])
        self.assertEqual([(NOW + 23, None), (NOW + 24, 100)], points[-2:])

    def test_gap_beyond_max_gap_stays_unknown(self):
        points = follow([*self.regular, self.meter.read(61)])
        self.assertEqual([(NOW + 63, None), (NOW + 64, 100)], points[-2:])

    def test_gap_of_max_gap_is_filled(self):
        points = follow([*self.regular, self.meter.read(60, 50)])
        self.assertEqual((NOW + 63, 50), points[-1])
        self.assertEqual(4, len(points))

    def test_time_between_two_registers_stays_unknown(self):
        self.meter.time += 20
        self.meter.open('1')
        points = follow([*self.regular, self.meter.read()])
        self.assertEqual([(NOW + 23, None), (NOW + 24, 100)], points[-2:])

    def test_register_of_another_agent_does_not_fill_a_gap(self):
        other = base.Meter(register='1', time=NOW + 3)
        other.elapsed = other.metered = 3.0
        other.joules = 777.0
        points = follow([*self.regular, other.read(20)])
        self.assertEqual([(NOW + 22, None), (NOW + 23, 100)], points[-2:])

    def test_unknown_time_begins_and_ends_with_a_row(self):
        self.meter = base.Meter(time=NOW + 0.25)
        regular = self.meter.run(3)
        self.meter.read(20, metered=False)
        points = follow([*regular, self.meter.read()])
        self.assertEqual(
            [
                (NOW + 3.25, 100),
                (NOW + 4, 100),
                (NOW + 24, None),
                (NOW + 24.25, 100),
            ],
            points[-4:],
        )

    def test_register_that_a_clock_step_spoils_does_not_fill_a_gap(self):
        self.meter.time += 20
        points = follow([*self.regular, self.meter.read()])
        self.assertEqual((NOW + 23, None), points[-2])

    def test_measurement_without_power_takes_it_from_the_register(self):
        points = follow(
            [*self.regular, self.meter.read(watts=70)._replace(watts=None)]
        )
        self.assertEqual((NOW + 4, 70), points[-1])

    def test_measurement_that_tells_nothing_makes_no_point(self):
        silent = [
            self.meter.read(metered=False, watts=0)._replace(watts=None)
            for _ in range(10)
        ]
        points = follow([*self.regular, *silent, self.meter.read()])
        self.assertEqual([(NOW + 13, None), (NOW + 14, 100)], points[3:])

    def test_impossible_power_is_unknown(self):
        for watts in (1001.0, -1.0, math.inf, math.nan):
            word = self.meter.read(metered=False, watts=watts)
            self.assertEqual(3, len(follow([*self.regular, word])))

    def test_register_that_tells_impossible_power_does_not_fill_a_gap(self):
        points = follow(
            [*self.regular, self.meter.read(20, 1e6)._replace(watts=100.0)]
        )
        self.assertEqual([(NOW + 22, None), (NOW + 23, 100)], points[-2:])

    @hypothesis.given(
        strategies.lists(
            strategies.tuples(
                strategies.integers(1, 1000), strategies.booleans()
            ),
            max_size=12,
        )
    )
    def test_lost_messages_lose_no_energy(self, readings):
        meter = base.Meter()
        first = meter.run(2)
        words = [
            word
            for watts, lost in readings
            if (word := meter.read(1.0, float(watts))) and not lost
        ]
        words.append(meter.read())
        points = follow(
            [*first, *words], track.Rules(1, float(len(readings) + 1), 1000.0)
        )
        self.assertAlmostEqual(meter.joules, energy(points, NOW), 3)

    @hypothesis.given(
        strategies.lists(
            strategies.tuples(
                strategies.floats(0.001, 500),
                strategies.floats(0, 2000),
                strategies.booleans(),
            )
        ),
        strategies.sampled_from((1, 5, 60)),
    )
    def test_points_are_in_order_and_rows_are_unknown_as_a_whole(
        self, readings, step
    ):
        meter = base.Meter(time=NOW + 0.123)
        points = follow(
            [
                meter.read(),
                *(
                    meter.read(seconds, watts, metered)
                    for seconds, watts, metered in readings
                ),
            ],
            RULES._replace(step=step),
        )
        times = [point.time for point in points]
        self.assertEqual(sorted(set(times)), times)
        for before, point in zip(points, points[1:], strict=False):
            if point.watts is None:
                self.assertEqual(0, before.time % step)
                self.assertEqual(0, point.time % step)


class RefusalTest(test_base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.meter = base.Meter()
        _, self.track = track.follow(
            track.Track(NOW), self.meter.read(), RULES
        )

    def refusal(self, word):
        return track.refusal(self.track, word)

    def test_newer_measurement_is_taken(self):
        self.assertIsNone(self.refusal(self.meter.read()))

    def test_same_measurement_is_repeated(self):
        self.assertEqual('repeated', self.refusal(self.track.word))

    def test_older_measurement_is_late(self):
        word = self.track.word
        self.assertEqual(
            'late',
            self.refusal(
                word._replace(time=word.time - 0.5, elapsed=word.elapsed - 0.5)
            ),
        )

    def test_last_word_of_an_earlier_register_is_late(self):
        self.meter.time -= 10
        self.meter.open('before')
        self.assertEqual('late', self.refusal(self.meter.read()))

    def test_clock_that_was_set_back_is_noticed(self):
        self.meter.time -= 3600
        self.assertEqual('clock', self.refusal(self.meter.read()))

    def test_measurement_that_was_not_made_yet_is_refused(self):
        word = self.meter.read()
        self.assertTrue(track.is_future(word, word.time - 61))
        self.assertFalse(track.is_future(word, word.time - 59))


class ResumeTest(test_base.BaseTestCase):
    def test_register_goes_on_where_the_file_ends(self):
        word = base.Meter(time=NOW + 0.5).read()
        self.assertEqual(
            track.Track(NOW + 1.5, 100.0, 1.0, word),
            track.resume(NOW + 1, 100.0, 1.0, word),
        )

    def test_register_that_the_file_does_not_have_is_forgotten(self):
        word = base.Meter().read()
        resumed = track.resume(NOW + 7, 100.0, 1.0, word)
        self.assertIsNone(resumed.word)
        self.assertTrue(NOW + 7 < resumed.time < NOW + 8)
