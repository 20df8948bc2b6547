# SPDX-License-Identifier: Apache-2.0

"""Registers as operators see them."""

import random

from energy_meter import exception
from energy_meter.collector import administration
from energy_meter.collector import registers
from energy_meter.tests.unit.collector import agents
from energy_meter.tests.unit.collector import databases
from energy_meter.tests.unit.db import base as db_base

HOUR_MS = 3_600_000


class RegistersTest(db_base.DatabaseTest):
    def setUp(self) -> None:
        super().setUp()
        self.random = random.Random(1)

    def meter(self, agent: agents.Agent, since: float, until: float) -> str:
        """Meter in a new register, between hours before now.

        :returns: ID of the register.
        """
        agent.start(self.random, self.now - int(since * HOUR_MS))
        start = agent.opened
        end = self.now - int(until * HOUR_MS)
        for date in (start, start + 70_000, start + 130_000, end):
            databases.deliver(self.engine, agent.measure(date), date)
        databases.settle(self.engine, end)
        return agent.register

    def list_registers(
        self, probe: str | None = None
    ) -> list[registers.RegisterView]:
        with self.engine.connect() as connection:
            return list(registers.list_registers(connection, probe))

    def test_registers_are_listed_line_by_line(self):
        agent, other = (
            agents.Agent('p', 'A', 1000),
            agents.Agent('p', 'B', 700),
        )
        first = self.meter(agent, 4, 3)
        middle = self.meter(other, 3.5, 0)
        last = self.meter(agent, 2, 0)

        self.assertEqual(
            [(first, 1), (last, 1), (middle, 2)],
            [(view.register, view.line) for view in self.list_registers()],
        )

    def test_role_shows_which_register_is_shown(self):
        agent, other = (
            agents.Agent('p', 'A', 1000),
            agents.Agent('p', 'B', 700),
        )
        gone = agents.Agent('p', 'C', 500)
        roles = {
            self.meter(gone, 9, 8): 'ended',
            self.meter(agent, 4, 3): 'void',
            self.meter(agent, 3, 2): 'ended',
            self.meter(agent, 2, 0): 'active',
            self.meter(other, 2, 0): 'standby',
        }
        voided = next(key for key, role in roles.items() if role == 'void')
        administration.void(self.engine, 'p', 'A-uuid', voided, 'me')

        self.assertEqual(
            roles,
            {view.register: view.role for view in self.list_registers('p')},
        )

    def test_overlap_is_what_another_register_is_billed_for(self):
        agent, other = (
            agents.Agent('p', 'A', 1000),
            agents.Agent('p', 'B', 700),
        )
        billed = self.meter(agent, 2, 1)
        unbilled = self.meter(other, 2, 1)

        self.assertEqual(
            {
                billed: (3_600_000, 0),
                unbilled: (2_520_000, 2_520_000),
            },
            {
                view.register: (view.millijoules, view.overlap)
                for view in self.list_registers()
            },
        )

    def test_opening_is_that_of_the_database_if_the_clock_is_wrong(self):
        for name, skew, correction in (
            ('right', 0, None),
            ('ahead', HOUR_MS, 'clock_ahead'),
            ('behind', -HOUR_MS, 'clock_behind'),
        ):
            agent = agents.Agent(name, name, 1000, skew)
            self.meter(agent, 2, 1)

            (view,) = self.list_registers(name)

            self.assertEqual(
                ((self.now - 2 * HOUR_MS) / 1000, correction),
                (view.opened_at, view.correction),
            )

    def test_opening_is_that_of_the_arrival_if_the_clock_is_unset(self):
        agent = agents.Agent('p', 'A', 1000, -50 * HOUR_MS, synced=False)
        agent.start(self.random, self.now - HOUR_MS)
        databases.deliver(self.engine, agent.measure(self.now), self.now)

        (view,) = self.list_registers()

        self.assertEqual(
            ((self.now - HOUR_MS) / 1000, 'clock_unset'),
            (view.opened_at, view.correction),
        )

    def test_probes_are_listed_by_id(self):
        for probe in 'q', 'p':
            self.meter(agents.Agent(probe, 'A', 1000), 2, 1)

        self.assertEqual(
            ['p', 'q'], [view.probe for view in self.list_registers()]
        )

    def test_registers_of_a_deleted_probe_remain(self):
        self.meter(agents.Agent('p', 'A', 1000), 2, 1)

        administration.delete_probe(self.engine, 'p', 'me')

        self.assertEqual(
            ['void'], [view.role for view in self.list_registers('p')]
        )

    def test_listing_an_unknown_probe_fails(self):
        self.assertRaises(exception.ProbeNotFound, self.list_registers, 'x')
