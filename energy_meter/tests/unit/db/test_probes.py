# SPDX-License-Identifier: Apache-2.0

"""Queries of probes with and without a tip."""

import sqlalchemy as sa

from energy_meter.db import probes
from energy_meter.db import schema
from energy_meter.tests import rows
from energy_meter.tests.unit.db import base as db_base

TTL = 300.0


class ProbesTest(db_base.DatabaseTest):
    def register(self, number: int, ago: float = 0.0, **fields: object) -> int:
        """Insert a register of the probe.

        :param ago: seconds since its last update.
        """
        with self.engine.begin() as connection:
            return rows.insert_register(
                connection,
                'p',
                **{
                    'register': f'{number:016x}',
                    'last_seen_at': self.now - int(ago * 1000),
                    'watts': float(number),
                    **fields,
                },
            )

    def probe(self, **fields: object) -> None:
        with self.engine.begin() as connection:
            rows.insert_probe(connection, 'p', **fields)

    def state(self, ttl: float = TTL) -> probes.ProbeState | None:
        """Return the probe, after a check that all queries agree."""
        with self.engine.connect() as connection:
            state = probes.get_state(connection, 'p', ttl)
            self.assertEqual(
                [state] if state else [],
                list(probes.list_states(connection, ttl)),
            )
            self.assertEqual(
                ['p'] if state else [], probes.list_ids(connection, ttl)
            )
        return state

    def fingerprint(self) -> object:
        with self.engine.connect() as connection:
            return probes.fingerprint(connection, TTL)


class TipTest(ProbesTest):
    def test_tip_is_added_to_what_is_settled(self):
        tip = self.register(1, millijoules=5, metered=3, elapsed=4)
        self.probe(
            tip=tip, base_millijoules=10, base_metered=1, base_elapsed=4
        )

        state = self.state()

        self.assertEqual((15, 0.5), (state.millijoules, state.coverage))
        self.assertEqual((1.0, 1700000000.5), (state.watts, state.timestamp))

    def test_other_registers_are_not_added(self):
        self.register(1, millijoules=100)
        self.probe(tip=self.register(2, millijoules=5), base_millijoules=10)

        self.assertEqual(
            (15, 2.0), (self.state().millijoules, self.state().watts)
        )

    def test_energy_never_decreases(self):
        self.probe(tip=self.register(1, millijoules=5), shown=7)

        self.assertEqual(
            (7, 2), (self.state().millijoules, self.state().ahead)
        )

    def test_energy_that_caught_up_is_not_ahead(self):
        self.probe(tip=self.register(1, millijoules=8), shown=7)

        self.assertEqual(
            (8, 0), (self.state().millijoules, self.state().ahead)
        )

    def test_stale_tip_hides_the_probe(self):
        self.probe(tip=self.register(1, ago=TTL + 1))

        self.assertIsNone(self.state())
        self.assertIsNotNone(self.state(TTL + 10))


class NoTipTest(ProbesTest):
    """A probe that is contested, or that two agents meter."""

    def test_energy_is_what_was_settled(self):
        self.register(1, millijoules=100)
        self.register(2, millijoules=200)
        self.probe(base_millijoules=50, shown=60)

        self.assertEqual(
            (60, 10), (self.state().millijoules, self.state().ahead)
        )

    def test_displayed_register_is_shown(self):
        for displayed in 1, 2:
            with self.engine.begin() as connection:
                connection.execute(schema.register.delete())
                connection.execute(schema.probe.delete())
            numbers = {1: self.register(1), 2: self.register(2)}
            self.probe(displayed=numbers[displayed])

            self.assertEqual(displayed, self.state().watts)

    def test_slightly_older_displayed_register_is_shown(self):
        self.register(1, ago=0)
        self.probe(displayed=self.register(2, ago=1))

        self.assertEqual(2.0, self.state().watts)

    def test_clearly_fresher_register_replaces_the_displayed_one(self):
        self.register(1, ago=0)
        self.probe(displayed=self.register(2, ago=3))

        self.assertEqual(1.0, self.state().watts)

    def test_voided_register_is_shown_only_without_another(self):
        self.register(1, voided=True)
        self.probe(contested=True)
        self.assertEqual(1.0, self.state().watts)

        self.register(2, ago=100)
        self.assertEqual(2.0, self.state().watts)

    def test_new_probe_that_was_never_settled_is_listed(self):
        self.register(1)
        self.register(2, ago=1)
        self.probe(contested=True)

        self.assertEqual(
            (0, 1.0), (self.state().millijoules, self.state().watts)
        )

    def test_probe_without_a_fresh_register_is_hidden(self):
        self.register(1, ago=TTL + 2)
        self.probe(displayed=self.register(2, ago=TTL + 1))

        self.assertIsNone(self.state())
        self.assertEqual(2.0, self.state(TTL + 10).watts)

    def test_update_of_any_register_changes_the_fingerprint(self):
        self.register(1)
        self.probe(displayed=self.register(2))
        before = self.fingerprint()

        with self.engine.begin() as connection:
            connection.execute(
                schema.register.update()
                .where(schema.register.c.watts == 1.0)
                .values(elapsed=sa.text('elapsed + 1'))
            )

        self.assertNotEqual(before, self.fingerprint())


class ContestedTest(ProbesTest):
    def test_register_of_the_next_agent_replaces_a_tip_that_ended(self):
        self.register(1)
        self.probe(
            tip=self.register(2, ago=TTL + 1, millijoules=5),
            base_millijoules=10,
            contested=True,
        )

        self.assertEqual(
            (15, 1.0), (self.state().millijoules, self.state().watts)
        )

    def test_ended_register_that_was_announced_late_is_not_shown(self):
        self.register(1, live_elapsed=-1)
        self.probe(displayed=self.register(2, ago=100), contested=True)

        self.assertEqual(2.0, self.state().watts)


class DeletedTest(ProbesTest):
    def test_registers_without_a_probe_are_not_listed(self):
        self.register(1, voided=True)

        self.assertIsNone(self.state())
