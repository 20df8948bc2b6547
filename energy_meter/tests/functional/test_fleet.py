# SPDX-License-Identifier: Apache-2.0

"""One agent, many wattmeters of all kinds, some of which fail at any time.

The short form of benchmarks/fleet.py.
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
    agent={'backoff_max': 2.0},
)


class FleetTest(test_base.BaseTestCase):
    def test_failing_meters_cost_only_themselves(self):
        meters = self.useFixture(fleet.Fleet(SCALE))
        before = self.usage(meters)

        meters.fail_in_turn()
        meters.wait_for_recovery(60)

        ended = time.time()
        self.assertEqual(
            12, sum(bool(meter.outages) for meter in meters.meters)
        )
        for meter in meters.meters:
            # On a busy machine a few may come late; the benchmark has none.
            few = (ended - meters.began) / meter.interval / 3
            for probe in meter.probes:
                self.assertLess(meters.missed(meter, probe, ended), few, probe)
                self.assertEqual(0, meters.invented(meter, probe), probe)
        base.wait_for(
            lambda: self.usage(meters) == before,
            60,
            f'threads and descriptors are {before} again',
        )

    def usage(self, meters: fleet.Fleet) -> tuple[int, int]:
        usage = fleet.Usage.of(meters.agent.pid)
        return usage.threads, usage.descriptors
