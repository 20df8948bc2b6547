# SPDX-License-Identifier: Apache-2.0

"""The power of an idle host is estimated from its load."""

import hypothesis
from hypothesis import strategies
from oslotest import base

from energy_meter.billing import idle_power


def loads(watts, busy):
    """Return the load of a host whose power is a function of busy CPUs."""
    return [idle_power.Load(watts(each), each) for each in busy]


def linear(busy):
    return 118.0 + 2.5 * busy


DAY = [number / 4 for number in range(8, 104)]


class EstimateTest(base.BaseTestCase):
    def test_intercept_is_the_idle_power(self):
        # The host is never less than 2 CPUs busy: it needs 123 W then.
        found = idle_power.estimate(loads(linear, DAY))

        self.assertAlmostEqual(118.0, found.watts)
        self.assertEqual('fitted', found.source)

    def test_burner_that_stops_for_an_hour_proves_nothing(self):
        # A day at 24 busy CPUs is not what the host needs when it is idle.
        busy = [24.0 + 0.01 * number for number in range(92)] + [2.0] * 4

        found = idle_power.estimate(loads(linear, busy))

        self.assertEqual((123.0, 'estimated'), found)

    def test_lowest_power_is_taken_if_busy_time_varies_too_little(self):
        found = idle_power.estimate(loads(linear, [20.0, 21.0, 22.0]))

        self.assertEqual((168.0, 'estimated'), found)

    def test_host_that_is_always_idle_needs_its_lowest_power(self):
        found = idle_power.estimate(loads(linear, [0.0] * 96))

        self.assertEqual((118.0, 'estimated'), found)

    def test_intercept_above_the_lowest_power_is_not_used(self):
        # Power rises less and less: the line is above the curve at both ends.
        found = idle_power.estimate(
            loads(lambda busy: 100 + 20 * busy**0.5, [0.0, 1.0, 4.0, 9.0])
        )

        self.assertEqual((100.0, 'fitted'), found)

    def test_idle_power_is_not_negative(self):
        found = idle_power.estimate(
            loads(lambda busy: busy * busy, [1.0, 2.0, 4.0, 8.0])
        )

        self.assertEqual((0.0, 'fitted'), found)

    def test_host_without_intervals_has_no_idle_power(self):
        self.assertIsNone(idle_power.estimate([]))

    @hypothesis.given(
        strategies.lists(
            strategies.builds(
                idle_power.Load,
                strategies.floats(0, 1e5),
                strategies.floats(0, 1e3),
            ),
            min_size=1,
        )
    )
    @hypothesis.example(
        [idle_power.Load(0.0, 0.0), idle_power.Load(0.0, 5e-324)]
    )
    def test_idle_power_is_between_zero_and_the_lowest(self, some):
        found = idle_power.estimate(some)

        self.assertLessEqual(0, found.watts)
        self.assertLessEqual(found.watts, min(each.watts for each in some))


class TooHighTest(base.BaseTestCase):
    def test_one_percent_of_intervals_below_is_tolerated(self):
        some = loads(linear, [1.0] * 99 + [0.0])

        self.assertFalse(idle_power.is_too_high(119.0, some))

    def test_more_than_one_percent_below_is_too_high(self):
        some = loads(linear, [1.0] * 98 + [0.0] * 2)

        self.assertTrue(idle_power.is_too_high(119.0, some))
