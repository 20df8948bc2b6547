# SPDX-License-Identifier: Apache-2.0

"""Some of the faults, in short: amounts and order, no times."""

import random

from oslotest import base as test_base

from energy_meter.tests.faults import catalogue
from energy_meter.tests.faults import installation
from energy_meter.tests.faults import processes
from energy_meter.tests.faults import schedule
from energy_meter.tests.faults import trial
from energy_meter.tests.functional.services import base


class FaultTest(test_base.BaseTestCase):
    def strike(self, name):
        """Let a fault strike, and give the verdict."""
        outcome = trial.run(
            base.shared(installation.Peers),
            catalogue.FAULTS[name](random.Random(1)),
            schedule.Injection(name, lead=0.0, duration=2.0, seed=1),
        )
        self.assertGreater(outcome.verdict.metered, 0)
        self.assertEqual(0, outcome.verdict.lost)
        self.assertEqual(0, outcome.verdict.doubled)
        return outcome.verdict

    def test_collectors_broker_database_rrd_and_api_fail_at_once(self):
        verdict = self.strike('storm')

        self.assertEqual(0, verdict.unpublished)

    def test_messages_are_lost_repeated_and_reordered(self):
        verdict = self.strike('lossy-bus')

        self.assertEqual(0, verdict.unpublished)

    def test_killed_agent_loses_nothing_that_it_published(self):
        verdict = self.strike('kill-agent')

        self.assertLess(verdict.unpublished, verdict.metered)

    def test_hung_agent_without_a_counter_shows_missing_coverage(self):
        verdict = self.strike('long-gap')

        self.assertEqual(0, verdict.unpublished)
        self.assertGreater(verdict.uncovered, processes.MAX_GAP)
