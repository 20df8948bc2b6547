# SPDX-License-Identifier: Apache-2.0

"""Histories of the model, delivered to collectors that use SQLite."""

import random

import hypothesis
from hypothesis import strategies

from energy_meter.tests.unit.collector import deliveries
from energy_meter.tests.unit.db import base as db_base


class DeliveriesTest(db_base.DatabaseTest):
    @hypothesis.settings(
        max_examples=10, deadline=None, derandomize=True, database=None
    )
    @hypothesis.given(strategies.integers(0, 2**32), strategies.booleans())
    def test_tables_contain_the_bill_of_all_that_arrived(
        self, seed: int, void: bool
    ) -> None:
        generator = random.Random(seed)
        deliveries.Delivery(self.engine, generator, void).run()
