# SPDX-License-Identifier: Apache-2.0

"""Which measurements are believed."""

from oslotest import base

from energy_meter import measurement
from energy_meter.collector import plausibility


def word(
    elapsed: float, millijoules: int, watts: float | None = 1.0
) -> measurement.Measurement:
    return measurement.Measurement(
        measurement.Probe('p', 'node', 'p', 'w', 'dummy', 'agent'),
        measurement.RegisterKey('agent-a', 'a1', 1),
        elapsed,
        elapsed,
        millijoules,
        elapsed,
        watts,
    )


class PlausibleTest(base.BaseTestCase):
    def believe(
        self, item: measurement.Measurement, max_watts: float = 1e5
    ) -> None:
        self.assertTrue(plausibility.is_plausible(item, max_watts))

    def disbelieve(
        self, item: measurement.Measurement, max_watts: float = 1e5
    ) -> None:
        self.assertFalse(plausibility.is_plausible(item, max_watts))

    def test_energy_that_the_power_can_have_made_is_believed(self):
        self.believe(word(3600, 3_600_000), max_watts=1.0)

    def test_more_energy_than_any_power_could_make_is_not(self):
        self.disbelieve(word(1, 10**15))

    def test_register_older_than_any_agent_runs_is_not(self):
        # Its time would stay in the probe's coverage for ever.
        decade = 10 * 366 * 86_400
        for elapsed in (decade, 1e308):
            self.disbelieve(word(elapsed, 0))

    def test_more_power_than_any_probe_can_draw_is_not(self):
        self.believe(word(1, 0, 100.0), max_watts=100.0)
        self.disbelieve(word(1, 0, 100.1), max_watts=100.0)

    def test_unknown_power_is_believed(self):
        self.believe(word(1, 0, None))

    def test_more_metered_than_elapsed_time_is_not(self):
        self.disbelieve(word(10, 0)._replace(metered=1000.0))
