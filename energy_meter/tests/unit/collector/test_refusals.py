# SPDX-License-Identifier: Apache-2.0

"""What collectors refused is kept in the database."""

import fixtures
from oslo_db import exception as db_exception
import sqlalchemy as sa

from energy_meter import counters
from energy_meter.collector import refusals
from energy_meter.db import schema
from energy_meter.tests.unit.db import base as db_base


class RefusalsTest(db_base.DatabaseTest):
    def setUp(self) -> None:
        super().setUp()
        self.counters = counters.Counters()
        self.refusals = refusals.Refusals(self.counters)

    def kept(self) -> dict[str, int]:
        with self.engine.begin() as connection:
            return {
                row.what: row.number
                for row in connection.execute(sa.select(schema.refusal))
            }

    def test_what_was_refused_is_kept_by_cause(self):
        self.counters.count('rejected', 2, cause='unknown-key')
        self.counters.count('implausible')
        self.counters.count('messages', 7)

        self.refusals.save(self.engine)

        self.assertEqual(
            {'rejected (unknown-key)': 2, 'implausible': 1}, self.kept()
        )

    def test_nothing_is_added_twice(self):
        self.counters.count('future', 3)
        self.refusals.save(self.engine)
        self.refusals.save(self.engine)
        self.counters.count('future')

        self.refusals.save(self.engine)

        self.assertEqual({'future': 4}, self.kept())

    def test_collectors_add_up(self):
        other = counters.Counters()
        other.count('future')
        self.counters.count('future')
        self.refusals.save(self.engine)

        refusals.Refusals(other).save(self.engine)

        self.assertEqual({'future': 2}, self.kept())

    def test_what_the_database_did_not_take_is_added_later(self):
        self.counters.count('future')
        with fixtures.MockPatchObject(
            refusals, '_add', side_effect=db_exception.DBError
        ):
            self.assertRaises(
                db_exception.DBError, self.refusals.save, self.engine
            )

        self.refusals.save(self.engine)

        self.assertEqual({'future': 1}, self.kept())
