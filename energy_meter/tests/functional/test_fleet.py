# SPDX-License-Identifier: Apache-2.0

"""Test of one agent with many wattmeters, some of which fail.

This is a short form of benchmarks/fleet.py.
"""

import time

from oslotest import base as test_base

from energy_meter.tests.functional import fleet
from energy_meter.tests.functional.services import base

SCALE = fleet.Scale(
    bmcs=8,
    pdus=4,
    outlets=12,
    channels=12,
    dummies=2,
    bmc_interval=1.0,
    groups=3,
    outage=7.0,
    agent={'max_backoff': 2.0},
)


class FleetTest(test_base.BaseTestCase):
    def test_failing_meters_do_not_affect_others(self):
        meters = self.useFixture(fleet.Fleet(SCALE))
        before = self.usage(meters)

        meters.fail_in_turn()
        meters.wait_for_recovery(60)

        end = time.time()
        self.assertEqual(
            12, sum(bool(meter.outages) for meter in meters.meters)
        )
        for meter in meters.meters:
            # A busy machine may miss some readings; the benchmark allows none.
            limit = (end - meters.began) / meter.interval / 3
            for probe in meter.probes:
                self.assertLess(meters.missed(meter, probe, end), limit, probe)
                self.assertEqual(0, meters.invented(meter, probe), probe)
        base.wait_for(
            lambda: self.usage(meters) == before,
            60,
            f'threads and descriptors return to {before}',
        )

    def usage(self, meters: fleet.Fleet) -> tuple[int, int]:
        usage = fleet.Usage.of(meters.agent.pid)
        return usage.threads, usage.descriptors
