# SPDX-License-Identifier: Apache-2.0

"""Manual changes of registers and probes."""

import random

import sqlalchemy as sa

from energy_meter import exception
from energy_meter.collector import administration
from energy_meter.db import engine as db_engine
from energy_meter.db import schema
from energy_meter.db import sums
from energy_meter.tests.unit.collector import agents
from energy_meter.tests.unit.collector import databases
from energy_meter.tests.unit.db import base as db_base

HOUR_MS = 3_600_000


class AdministrationTest(db_base.DatabaseTest):
    def setUp(self) -> None:
        super().setUp()
        self.random = random.Random(1)

    def start(
        self, name: str = 'A', milliwatts: int = 1000, ago: int = 2 * HOUR_MS
    ) -> agents.Agent:
        """Return an agent that opens a register of probe p."""
        agent = agents.Agent('p', name, milliwatts)
        agent.start(self.random, self.now - ago)
        return agent

    def deliver(self, agent: agents.Agent, ago: int = HOUR_MS) -> dict:
        """Deliver all measurements until then, and settle."""
        date = self.now - ago
        result = databases.deliver(self.engine, agent.measure(date), date)
        databases.settle(self.engine, date)
        return dict(+result.outcomes)

    def shown(self) -> int:
        return databases.shown(self.engine)['p']

    def audit(self) -> list[tuple[str, str]]:
        with self.engine.connect() as connection:
            return [
                (row.username, row.action)
                for row in connection.execute(sa.select(schema.audit))
            ]


class VoidTest(AdministrationTest):
    def void(self, agent: agents.Agent, register: str | None = None) -> int:
        return administration.void(
            self.engine,
            'p',
            f'{agent.name}-uuid',
            register or agent.register,
            'me',
        )

    def test_energy_of_the_register_is_removed(self):
        agent = self.start()
        self.deliver(agent)

        self.assertEqual(3_600_000, self.void(agent))

        self.assertEqual(0, self.shown())
        databases.assert_settled(self.engine, 'void')

    def test_dry_run_has_the_result_and_changes_nothing(self):
        # Given a register that another is billed for instead,
        agent, other = self.start('A', 1000), self.start('B', 700)
        self.deliver(agent)
        self.deliver(other)

        removed = administration.void(
            db_engine.dry_run(self.engine),
            *('p', 'A-uuid', agent.register, 'me'),
        )

        self.assertEqual(1_080_000, removed)
        self.assertEqual(3_600_000, self.shown())
        self.assertEqual([], self.audit())
        self.assertEqual(removed, self.void(agent))

    def test_energy_of_other_registers_remains(self):
        agent = self.start(ago=4 * HOUR_MS)
        self.deliver(agent, ago=3 * HOUR_MS)
        first = agent.register
        agent.start(self.random, self.now - 2 * HOUR_MS)
        self.deliver(agent)

        self.assertEqual(3_600_000, self.void(agent, first))

        self.assertEqual(3_600_000, self.shown())
        databases.assert_settled(self.engine, 'void')

    def test_register_of_the_same_time_is_billed_instead(self):
        agent, other = self.start('A', 1000), self.start('B', 700)
        self.deliver(agent)
        self.deliver(other)
        self.assertEqual(3_600_000, self.shown())

        self.assertEqual(1_080_000, self.void(agent))

        self.assertEqual(2_520_000, self.shown())
        databases.assert_settled(self.engine, 'void')

    def test_voiding_a_register_that_is_not_billed_removes_nothing(self):
        agent, other = self.start('A', 1000), self.start('B', 700)
        self.deliver(agent)
        self.deliver(other)

        self.assertEqual(0, self.void(other))

        self.assertEqual(3_600_000, self.shown())
        databases.assert_settled(self.engine, 'void')

    def test_later_measurements_are_rejected(self):
        agent = self.start()
        self.deliver(agent)
        self.void(agent)

        self.assertEqual({'void': 1}, self.deliver(agent, ago=0))

        self.assertEqual(0, self.shown())

    def test_next_register_is_billed(self):
        agent = self.start()
        self.deliver(agent)
        self.void(agent)

        agent.start(self.random, self.now - HOUR_MS)
        self.deliver(agent, ago=0)

        self.assertEqual(3_600_000, self.shown())
        databases.assert_settled(self.engine, 'void')

    def test_voiding_again_changes_nothing(self):
        agent = self.start()
        self.deliver(agent)
        self.void(agent)

        self.assertEqual(0, self.void(agent))

        self.assertEqual(1, len(self.audit()))

    def test_energy_that_was_shown_too_early_is_removed_as_well(self):
        agent = self.start()
        self.deliver(agent)
        with self.engine.begin() as connection:
            connection.execute(schema.probe.update().values(shown=4_000_000))

        self.assertEqual(4_000_000, self.void(agent))

        self.assertEqual(0, self.shown())

    def test_change_is_recorded(self):
        agent = self.start()
        self.deliver(agent)

        self.void(agent)

        self.assertEqual(
            [
                (
                    'me',
                    f'void register {agent.register} of agent A-uuid, '
                    'probe p: 3600000 mJ',
                )
            ],
            self.audit(),
        )

    def test_voiding_an_unknown_register_fails(self):
        agent = self.start()
        self.assertRaises(exception.ProbeNotFound, self.void, agent)
        self.deliver(agent)

        self.assertRaises(
            exception.RegisterNotFound, self.void, agent, 'x' * 16
        )

        self.assertEqual([], self.audit())


class SumTest(AdministrationTest):
    def configure(self) -> None:
        with self.engine.begin() as connection:
            sums.configure(
                connection, [sums.Sum('total', 'n', frozenset({'p'}))]
            )

    def total(self) -> int:
        with self.engine.connect() as connection:
            return sums.get_state(connection, 'total', 2.0**40).millijoules

    def test_voided_part_removes_only_the_energy_it_added(self):
        agent = self.start()
        self.deliver(agent, ago=HOUR_MS)
        self.configure()
        self.deliver(agent, ago=0)
        self.assertEqual(3_600_000, self.total())

        administration.void(self.engine, 'p', 'A-uuid', agent.register, 'me')

        self.assertEqual(0, self.total())

    def test_part_that_is_deleted_and_metered_again_adds_new_energy(self):
        self.deliver(self.start())
        self.configure()
        administration.delete_probe(self.engine, 'p', 'me')
        agent = self.start(ago=HOUR_MS)

        self.deliver(agent, ago=0)

        self.assertEqual(3_600_000, self.total())


class DeleteTest(AdministrationTest):
    def delete(self) -> int:
        return administration.delete_probe(self.engine, 'p', 'me')

    def test_probe_and_its_energy_are_removed(self):
        agent, other = self.start('A', 1000), self.start('B', 700)
        self.deliver(agent)
        self.deliver(other)

        self.assertEqual(3_600_000, self.delete())

        self.assertEqual({}, databases.shown(self.engine))
        with self.engine.connect() as connection:
            self.assertEqual(
                [], connection.execute(sa.select(schema.overlap)).all()
            )

    def test_later_measurements_of_its_registers_are_rejected(self):
        agent = self.start()
        self.deliver(agent)
        self.delete()

        self.assertEqual({'void': 1}, self.deliver(agent, ago=0))

        self.assertEqual({}, databases.shown(self.engine))

    def test_probe_that_is_metered_again_begins_at_zero(self):
        agent = self.start()
        self.deliver(agent)
        self.delete()

        agent.start(self.random, self.now - HOUR_MS)
        self.deliver(agent, ago=0)

        self.assertEqual(3_600_000, self.shown())
        databases.assert_settled(self.engine, 'deleted')

    def test_change_is_recorded(self):
        self.deliver(self.start())

        self.delete()

        self.assertEqual([('me', 'delete probe p: 3600000 mJ')], self.audit())

    def test_metered_probe_is_not_deleted(self):
        agent = self.start()
        self.deliver(agent, ago=100_000)
        shown = self.shown()

        self.assertRaises(exception.ProbeInUse, self.delete)

        self.assertEqual(shown, self.shown())
        self.assertEqual({'merged': 1}, self.deliver(agent, ago=0))

    def test_deleting_an_unknown_probe_fails(self):
        self.assertRaises(exception.ProbeNotFound, self.delete)
