# SPDX-License-Identifier: Apache-2.0

"""The collector's tables on SQLite."""

import hypothesis
from hypothesis import strategies

from energy_meter import measurement
from energy_meter.db import schema
from energy_meter.tests.unit.collector import databases
from energy_meter.tests.unit.db import base as db_base

PROBE = measurement.Probe('p', 'node', 'p', 'w', 'dummy', 'agent')
KEY = measurement.RegisterKey('agent-a', 'a1', 1)
NOW = 1000.0


class StoreTest(db_base.DatabaseTest):
    @hypothesis.settings(max_examples=60, deadline=None)
    @hypothesis.given(strategies.integers(0, 2**32))
    def test_tables_agree_with_rules(self, seed):
        databases.assert_tables_agree_with_rules(self.engine, seed)

    def test_timestamp_in_the_future_is_clamped_and_reported(self):
        received = measurement.Measurement(
            PROBE, KEY, NOW + 3600, 10.0, 5, 10.0
        )
        with self.engine.begin() as connection:
            result = databases.store.write(connection, [received], NOW, 60)
        self.assertEqual([(3600, PROBE.agent)], result.clock_skews)
        self.assertEqual(
            NOW, databases.load(self.engine, 'p').latest.timestamp
        )

    def test_timestamp_slightly_ahead_is_clamped_silently(self):
        received = measurement.Measurement(
            PROBE, KEY, NOW + 0.5, 10.0, 5, 10.0
        )
        with self.engine.begin() as connection:
            result = databases.store.write(connection, [received], NOW, 60)
        self.assertEqual([], result.clock_skews)
        self.assertEqual(
            NOW, databases.load(self.engine, 'p').latest.timestamp
        )

    def test_measurement_below_the_floor_of_a_deleted_probe_is_rejected(self):
        with self.engine.begin() as connection:
            connection.execute(
                schema.floor.insert().values(
                    probe='p', agent=KEY.agent, incarnation=1
                )
            )
        received = measurement.Measurement(PROBE, KEY, NOW, 10.0, 5, 10.0)
        result = databases.deliver(self.engine, [received], NOW)
        self.assertEqual({'stale_incarnation': 1}, result.outcomes)
        self.assertIsNone(databases.load(self.engine, 'p').owner)

    def test_first_measurement_without_energy_is_merged_by_both(self):
        received = measurement.Measurement(PROBE, KEY, NOW, 0.0, 0, 0.0)
        databases.deliver(self.engine, [received], NOW)
        account = databases.merge.ProbeAccount()
        databases.merge.merge(account, received, NOW, databases.TAKEOVER)
        databases.check(account, databases.load(self.engine, 'p'), 'p')

    def test_measurement_in_a_batch_with_a_folded_register_is_merged(self):
        with self.engine.begin() as connection:
            connection.execute(
                schema.floor.insert().values(
                    probe='p', agent=KEY.agent, incarnation=1
                )
            )
        other = measurement.RegisterKey('agent-b', 'b1', 1)
        measurements = [
            measurement.Measurement(PROBE, key, NOW, 10.0, 5, 10.0)
            for key in (KEY, other)
        ]
        result = databases.deliver(self.engine, measurements, NOW)
        self.assertEqual(
            {'stale_incarnation': 1, 'billed': 1}, result.outcomes
        )

    def test_overlapping_agents_are_reported(self):
        other = measurement.RegisterKey('agent-b', 'b1', 1)
        measurements = [
            measurement.Measurement(PROBE, key, NOW, 10.0, 5, 10.0)
            for key in (KEY, other)
        ]
        result = databases.deliver(self.engine, measurements, NOW)
        self.assertEqual(
            ['agent-b'],
            [unbilled.register.agent for unbilled in result.overlapping],
        )
