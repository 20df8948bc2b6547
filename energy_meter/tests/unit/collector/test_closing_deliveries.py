# SPDX-License-Identifier: Apache-2.0

"""Histories of the model of which days are closed early, on SQLite."""

import random

from energy_meter.tests import unmeasured
from energy_meter.tests.unit.collector import closing_deliveries
from energy_meter.tests.unit.db import base as db_base

SEEDS = range(4)


class ClosingDeliveriesTest(db_base.DatabaseTest):
    def setUp(self) -> None:
        super().setUp()
        self.useFixture(unmeasured.Unmeasured())

    def test_closed_days_are_what_the_curves_give_unless_marked(self):
        compared = 0
        for seed in SEEDS:
            delivery = closing_deliveries.ClosingDelivery(
                self.engine, random.Random(seed)
            )
            delivery.run()
            compared += delivery.compared

        # Each check would pass if no day was closed.
        self.assertGreater(compared, 500)
