# SPDX-License-Identifier: Apache-2.0

"""Range check of measurements."""

from oslotest import base

from energy_meter import measurement
from energy_meter.collector import plausibility
from energy_meter.tests import series


def measure(
    elapsed: float, millijoules: int, watts: float | None = 1.0
) -> measurement.Measurement:
    return measurement.Measurement(
        measurement.Series(
            measurement.Probe('p', 'node', 'p', 'w', 'dummy', 'agent'),
            measurement.RegisterKey('agent-a', 'a1'),
            None,
            True,
        ),
        round(elapsed * 1000),
        round(elapsed * 1000),
        millijoules,
        round(elapsed * 1000),
        watts,
    )


class PlausibleTest(base.BaseTestCase):
    def assert_accepted(
        self, received: measurement.Measurement, max_watts: float = 1e5
    ) -> None:
        limits = plausibility.Limits(max_watts, {})
        self.assertTrue(limits.is_plausible(received))

    def assert_rejected(
        self, received: measurement.Measurement, max_watts: float = 1e5
    ) -> None:
        limits = plausibility.Limits(max_watts, {})
        self.assertFalse(limits.is_plausible(received))

    def test_energy_within_the_maximum_power_is_accepted(self):
        self.assert_accepted(measure(3600, 3_600_000), max_watts=1.0)

    def test_energy_above_the_maximum_power_is_rejected(self):
        self.assert_rejected(measure(1, 10**15))

    def test_register_older_than_ten_years_is_rejected(self):
        # Its time would remain in the coverage of the probe for ever.
        decade = 10 * 366 * 86_400
        for elapsed in (decade, 1e15):
            self.assert_rejected(measure(elapsed, 0))

    def test_power_above_the_maximum_is_rejected(self):
        self.assert_accepted(measure(1, 0, 100.0), max_watts=100.0)
        self.assert_rejected(measure(1, 0, 100.1), max_watts=100.0)

    def test_unknown_power_is_accepted(self):
        self.assert_accepted(measure(1, 0, None))

    def test_metered_time_above_the_elapsed_time_is_rejected(self):
        self.assert_rejected(measure(10, 0)._replace(metered=1_000_000))


class ProbeLimitsTest(base.BaseTestCase):
    """The probe p has a limit of 400 W, the site one of 100 kW."""

    LIMITS = plausibility.Limits(1e5, {'p': 400.0})

    def is_plausible(
        self, received: measurement.Measurement, probe: str = 'p'
    ) -> bool:
        changed = series.change(
            received, probe=received.probe._replace(id=probe)
        )
        return self.LIMITS.is_plausible(changed)

    def test_more_energy_than_the_probe_can_use_is_rejected(self):
        day = 86_400
        for watts, expected in ((400, True), (480, False), (90_000, False)):
            received = measure(day, day * watts * 1000)

            self.assertEqual(expected, self.is_plausible(received))
            self.assertTrue(self.is_plausible(received, probe='other'))

    def test_higher_power_than_that_of_the_probe_is_rejected(self):
        self.assertTrue(self.is_plausible(measure(1, 0, 400.0)))
        self.assertFalse(self.is_plausible(measure(1, 0, 400.1)))

    def test_limit_of_a_probe_can_be_above_that_of_the_site(self):
        limits = plausibility.Limits(100.0, {'p': 1e6})

        self.assertTrue(limits.is_plausible(measure(3600, 10**12, 5e5)))

    def test_first_step_of_a_coarse_counter_is_accepted(self):
        # One step of 0.1 kWh, 900 s of 400 W.
        self.assertTrue(self.is_plausible(measure(1, 360_000_000)))
