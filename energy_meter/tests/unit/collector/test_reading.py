# SPDX-License-Identifier: Apache-2.0

"""What is read by date, against the bill of all that arrived, on SQLite."""

import hypothesis
from hypothesis import strategies

from energy_meter.tests import unmeasured
from energy_meter.tests.unit.collector import reading
from energy_meter.tests.unit.db import base as db_base


class ReadingTest(db_base.DatabaseTest):
    def setUp(self) -> None:
        super().setUp()
        self.useFixture(unmeasured.Unmeasured())

    @hypothesis.settings(max_examples=6)
    @hypothesis.given(strategies.randoms(use_true_random=True))
    def test_closed_days_and_few_marks_show_the_energy_of_all(self, generator):
        reading.assert_deliveries_are_read(self.engine, generator)
