# SPDX-License-Identifier: Apache-2.0

"""Histories of the model, delivered to collectors on database servers."""

import random

from energy_meter.tests.functional import test_tables
from energy_meter.tests.unit.collector import closing_deliveries
from energy_meter.tests.unit.collector import deliveries
from energy_meter.tests.unit.collector import packed
from energy_meter.tests.unit.collector import reading
from energy_meter.tests.unit.db import base as db_base

SEEDS = range(3)
CLOSING_SEEDS = range(2)


class DeliveriesTest(test_tables.OnServer, db_base.DatabaseTest):
    def test_tables_contain_the_bill_of_all_that_arrived(self):
        for seed in SEEDS:
            generator = random.Random(seed)
            delivery = deliveries.Delivery(
                self.engine, generator, void=seed > 1
            )
            delivery.run()
            packed.assert_late_changes_move_nothing(delivery)
            packed.assert_void_is_exact(delivery)

    def test_concurrent_collectors_and_settlings_agree(self):
        for seed in SEEDS:
            deliveries.assert_concurrent_collectors_agree(
                self.engine, random.Random(seed)
            )

    def test_closed_days_are_what_the_curves_give_unless_marked(self):
        for seed in CLOSING_SEEDS:
            closing_deliveries.ClosingDelivery(
                self.engine, random.Random(seed)
            ).run()

    def test_closings_lose_no_late_mark_of_a_concurrent_writer(self):
        for seed in SEEDS:
            closing_deliveries.assert_closings_lose_no_late_mark(
                self.engine, random.Random(seed)
            )


class ReadingTest(test_tables.OnServer, db_base.DatabaseTest):
    def test_closed_days_and_few_marks_show_the_energy_of_all(self):
        for seed in range(2):
            reading.assert_deliveries_are_read(
                self.engine, random.Random(seed)
            )
