# SPDX-License-Identifier: Apache-2.0

"""Range check of measurements."""

from oslotest import base

from energy_meter import measurement
from energy_meter.collector import plausibility


def measure(
    elapsed: float, millijoules: int, watts: float | None = 1.0
) -> measurement.Measurement:
    return measurement.Measurement(
        measurement.Probe('p', 'node', 'p', 'w', 'dummy', 'agent'),
        measurement.RegisterKey('agent-a', 'a1'),
        None,
        True,
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
        self.assertTrue(plausibility.is_plausible(received, max_watts))

    def assert_rejected(
        self, received: measurement.Measurement, max_watts: float = 1e5
    ) -> None:
        self.assertFalse(plausibility.is_plausible(received, max_watts))

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
