# SPDX-License-Identifier: Apache-2.0

"""Rejection counts of collectors in the database."""

import fixtures
from oslo_db import exception as db_exception
import sqlalchemy as sa

from energy_meter.collector import metrics
from energy_meter.collector import rejections
from energy_meter.db import schema
from energy_meter.telemetry import counters
from energy_meter.tests.unit.db import base as db_base


class RejectionsTest(db_base.DatabaseTest):
    def setUp(self) -> None:
        super().setUp()
        self.counters = counters.Counters(metrics.COUNTERS)
        self.rejections = rejections.Rejections(self.counters)

    def counts(self) -> dict[str, int]:
        table = schema.rejection
        with self.engine.begin() as connection:
            return {
                f'{reason} {agent}'.strip(): count
                for reason, agent, count in connection.execute(
                    sa.select(table.c.reason, table.c.agent, table.c.count)
                )
            }

    def test_rejections_are_saved_by_reason(self):
        self.counters.count('envelopes_rejected', 2, reason='unknown_key')
        self.counters.count('measurements_quarantined')
        self.counters.count('messages_received', 7)

        self.rejections.save(self.engine)

        self.assertEqual(
            {
                'envelopes_rejected (unknown_key)': 2,
                'measurements_quarantined': 1,
            },
            self.counts(),
        )

    def test_same_rejection_is_added_once(self):
        self.counters.count('measurements_clamped', 3)
        self.rejections.save(self.engine)
        self.rejections.save(self.engine)
        self.counters.count('measurements_clamped')

        self.rejections.save(self.engine)

        self.assertEqual({'measurements_clamped': 4}, self.counts())

    def test_counts_of_collectors_are_added(self):
        other = counters.Counters(metrics.COUNTERS)
        other.count('measurements_clamped')
        self.counters.count('measurements_clamped')
        self.rejections.save(self.engine)

        rejections.Rejections(other).save(self.engine)

        self.assertEqual({'measurements_clamped': 2}, self.counts())

    def test_counts_that_could_not_be_saved_are_added_later(self):
        self.counters.count('measurements_clamped')
        with fixtures.MockPatchObject(
            rejections, '_add', side_effect=db_exception.DBError
        ):
            self.assertRaises(
                db_exception.DBError, self.rejections.save, self.engine
            )

        self.rejections.save(self.engine)

        self.assertEqual({'measurements_clamped': 1}, self.counts())

    def test_rejections_of_agents_are_saved_by_name(self):
        self.rejections.reject('void', 'north', 3)
        self.rejections.reject('void', 'south')
        self.rejections.save(self.engine)
        self.rejections.reject('void', 'north')

        self.rejections.save(self.engine)
        self.rejections.save(self.engine)

        self.assertEqual({'void north': 4, 'void south': 1}, self.counts())

    def test_invented_agents_are_added_up(self):
        self.useFixture(fixtures.MockPatchObject(rejections, '_MAX_AGENTS', 3))
        for number in range(10):
            self.rejections.reject('void', f'agent-{number}')
        self.rejections.save(self.engine)
        self.rejections.reject('void', 'late', 5)
        self.rejections.reject('void', 'agent-1')

        self.rejections.save(self.engine)

        self.assertEqual(
            {
                'void agent-0': 1,
                'void agent-1': 2,
                'void agent-2': 1,
                'void (others)': 12,
            },
            self.counts(),
        )
