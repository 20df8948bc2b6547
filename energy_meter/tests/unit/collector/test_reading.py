# SPDX-License-Identifier: Apache-2.0

"""What is read by date, against the bill of all that arrived, on SQLite."""

import random

from energy_meter.tests.unit.collector import reading
from energy_meter.tests.unit.db import base as db_base

SEEDS = range(6)


class ReadingTest(db_base.DatabaseTest):
    def test_closed_days_and_few_marks_show_the_energy_of_all(self):
        for seed in SEEDS:
            reading.assert_deliveries_are_read(
                self.engine, random.Random(seed)
            )
