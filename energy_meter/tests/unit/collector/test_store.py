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
    def test_tables_agree_with_the_rules(self, seed):
        databases.agrees_with_the_rules(self.engine, seed)

    def test_word_from_the_future_is_set_back_and_counted(self):
        word = measurement.Measurement(PROBE, KEY, NOW + 3600, 10.0, 5, 10.0)
        with self.engine.begin() as connection:
            tally = databases.store.write(connection, [word], NOW, 60)
        self.assertEqual([(3600, PROBE.agent)], tally.ahead)
        self.assertEqual(NOW, databases.load(self.engine, 'p').latest.time)

    def test_word_a_little_ahead_is_set_back_and_nobody_told(self):
        word = measurement.Measurement(PROBE, KEY, NOW + 0.5, 10.0, 5, 10.0)
        with self.engine.begin() as connection:
            tally = databases.store.write(connection, [word], NOW, 60)
        self.assertEqual([], tally.ahead)
        self.assertEqual(NOW, databases.load(self.engine, 'p').latest.time)

    def test_word_below_the_floor_of_a_forgotten_probe_is_refused(self):
        with self.engine.begin() as connection:
            connection.execute(
                schema.floor.insert().values(
                    probe='p', agent=KEY.agent, incarnation=1
                )
            )
        word = measurement.Measurement(PROBE, KEY, NOW, 10.0, 5, 10.0)
        tally = databases.deliver(self.engine, [word], NOW)
        self.assertEqual({'folded': 1}, tally.outcomes)
        self.assertIsNone(databases.load(self.engine, 'p').owner)

    def test_register_that_speaks_as_it_opens_is_heard_alike(self):
        word = measurement.Measurement(PROBE, KEY, NOW, 0.0, 0, 0.0)
        databases.deliver(self.engine, [word], NOW)
        account = databases.merge.Account()
        databases.merge.merge(account, word, NOW, databases.TAKEOVER)
        databases.check(account, databases.load(self.engine, 'p'), 'p')

    def test_second_agent_in_a_batch_with_a_folded_one_is_not_lost(self):
        with self.engine.begin() as connection:
            connection.execute(
                schema.floor.insert().values(
                    probe='p', agent=KEY.agent, incarnation=1
                )
            )
        other = measurement.RegisterKey('agent-b', 'b1', 1)
        words = [
            measurement.Measurement(PROBE, key, NOW, 10.0, 5, 10.0)
            for key in (KEY, other)
        ]
        tally = databases.deliver(self.engine, words, NOW)
        self.assertEqual({'folded': 1, 'credited': 1}, tally.outcomes)

    def test_overlapping_agents_are_told(self):
        other = measurement.RegisterKey('agent-b', 'b1', 1)
        words = [
            measurement.Measurement(PROBE, key, NOW, 10.0, 5, 10.0)
            for key in (KEY, other)
        ]
        tally = databases.deliver(self.engine, words, NOW)
        self.assertEqual(
            ['agent-b'], [word.register.agent for word in tally.overlapping]
        )
