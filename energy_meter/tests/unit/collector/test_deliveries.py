# SPDX-License-Identifier: Apache-2.0

"""Histories of the model, delivered to collectors that use SQLite."""

import random

from energy_meter.tests import unmeasured
from energy_meter.tests.unit.collector import deliveries
from energy_meter.tests.unit.collector import packed
from energy_meter.tests.unit.db import base as db_base

SEEDS = range(10)


class DeliveriesTest(db_base.DatabaseTest):
    def setUp(self) -> None:
        super().setUp()
        self.useFixture(unmeasured.Unmeasured())

    def test_tables_contain_the_bill_of_all_that_arrived(self):
        for seed in SEEDS:
            generator = random.Random(seed)
            delivery = deliveries.Delivery(
                self.engine, generator, void=seed > 5
            )
            delivery.run()
            packed.assert_late_changes_move_nothing(delivery)
            packed.assert_void_is_exact(delivery)
