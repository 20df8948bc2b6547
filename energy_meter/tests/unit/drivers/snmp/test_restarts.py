# SPDX-License-Identifier: Apache-2.0


"""Tests of the detection of restarts."""

import hypothesis
from hypothesis import strategies
from oslotest import base

from energy_meter.drivers.snmp import restarts

uptimes = strategies.integers(0, 2**32 - 1)
latencies = strategies.floats(0, 10)


def sample(uptime, sent=0.0, latency=0.0, boots=None):
    return restarts.Sample(uptime, boots, sent, sent + latency)


class RestartTest(base.BaseTestCase):
    @hypothesis.given(
        strategies.integers(0, 2**31),
        strategies.floats(0, 86_400),
        latencies,
        latencies,
        strategies.floats(-0.05, 0.05),
    )
    def test_running_device_is_not_a_restart(
        self, uptime, elapsed, first, second, drift
    ):
        # Each response may have been late by its whole latency.
        earlier = sample(uptime, 0.0, first)
        sent = first + elapsed
        advanced = int(100 * elapsed * (1 + drift))

        later = sample(uptime + advanced, sent, second)

        self.assertFalse(later.is_after_restart(earlier))

    @hypothesis.given(uptimes, uptimes)
    def test_lower_uptime_is_a_restart(self, one, other):
        hypothesis.assume(one != other)

        self.assertTrue(
            sample(min(one, other), 1.0).is_after_restart(
                sample(max(one, other))
            )
        )

    def test_second_restart_within_an_interval_is_detected(self):
        # Running for 5 s, then restarted, and again running for 20 s.
        self.assertTrue(sample(2000, 60.0).is_after_restart(sample(500)))

    def test_wrap_is_a_restart(self):
        self.assertTrue(
            sample(100, 10.0).is_after_restart(sample(2**32 - 900))
        )

    @hypothesis.given(uptimes, strategies.floats(0, 1e6))
    def test_constant_uptime_is_not_a_restart(self, uptime, elapsed):
        self.assertFalse(
            sample(uptime, elapsed).is_after_restart(sample(uptime))
        )

    def test_missing_uptime_is_not_a_restart(self):
        for earlier, later in ((None, 5), (5, None), (b'7', b'5')):
            self.assertFalse(
                sample(later, 1.0).is_after_restart(sample(earlier))
            )

    def test_changed_boots_are_a_restart(self):
        for earlier, later, expected in (
            (1, 2, True),
            (2, 2, False),
            (None, 2, False),
        ):
            self.assertEqual(
                expected,
                sample(7, 1.0, boots=later).is_after_restart(
                    sample(7, boots=earlier)
                ),
            )
