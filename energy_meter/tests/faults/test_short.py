# SPDX-License-Identifier: Apache-2.0

"""Short runs of some faults; they assert amounts, not times."""

import random

from oslotest import base as test_base

from energy_meter.tests.faults import catalog
from energy_meter.tests.faults import installation
from energy_meter.tests.faults import processes
from energy_meter.tests.faults import schedule
from energy_meter.tests.faults import table
from energy_meter.tests.faults import trial
from energy_meter.tests.functional.services import base


class FaultTest(test_base.BaseTestCase):
    def inject(self, name, allowed=0):
        """Inject a fault and return its verdict.

        :param allowed: millijoules that may be lost or billed twice.
        """
        outcome = trial.run(
            base.shared(installation.Peers),
            catalog.FAULTS[name](random.Random(1)),
            schedule.Injection(name, lead=0.0, duration=2.0, seed=1),
        )
        self.assertGreater(outcome.verdict.metered, 0)
        self.assertLessEqual(outcome.verdict.lost, allowed)
        self.assertLessEqual(outcome.verdict.doubled, allowed)
        return outcome.verdict

    def test_simultaneous_failure_of_all_but_the_agents_costs_nothing(self):
        verdict = self.inject('storm')

        self.assertEqual(0, verdict.unpublished)

    def test_lost_repeated_and_reordered_messages_cost_nothing(self):
        verdict = self.inject('lossy-bus')

        self.assertEqual(0, verdict.unpublished)

    def test_killed_agent_loses_no_published_energy(self):
        verdict = self.inject('kill-agent')

        self.assertLess(verdict.unpublished, verdict.metered)

    def test_hung_agent_without_a_counter_reduces_coverage(self):
        verdict = self.inject('long-gap')

        self.assertEqual(0, verdict.unpublished)
        self.assertGreater(verdict.uncovered, processes.MAX_GAP)

    def test_outage_of_a_standby_pair_costs_at_most_its_handovers(self):
        verdict = self.inject('standby-pair', table.HANDOVER)

        self.assertLess(verdict.uncovered, table.UNCOVERED)

    def test_standby_agent_covers_the_pause_of_a_machine(self):
        verdict = self.inject('paused-machine', table.HANDOVER)

        self.assertLess(verdict.uncovered, table.UNCOVERED)

    def test_unset_clock_costs_at_most_the_handovers(self):
        self.inject('clock-unset', table.HANDOVER)
