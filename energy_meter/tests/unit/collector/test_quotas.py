# SPDX-License-Identifier: Apache-2.0

"""Quotas of what agents may add."""

import collections
import itertools
import typing

import fixtures
import sqlalchemy as sa

from energy_meter import measurement
from energy_meter.collector import arrivals
from energy_meter.collector import outcome
from energy_meter.collector import quotas
from energy_meter.collector import store
from energy_meter.db import engine as db_engine
from energy_meter.db import schema
from energy_meter.tests import usages
from energy_meter.tests.unit.collector import databases
from energy_meter.tests.unit.collector import limits
from energy_meter.tests.unit.db import base as db_base

HOUR_S = 3600


class QuotasTest(db_base.DatabaseTest):
    def setUp(self) -> None:
        super().setUp()
        self.monotonic = 0.0
        self.ids = itertools.count()

    def limit(self, **values: int) -> quotas.Quotas:
        return limits.make(lambda: self.monotonic, **values)

    def measure(
        self, probe: str, agent: str = 'agent', register: int | None = None
    ) -> measurement.Measurement:
        """Return a measurement, by default of a new register."""
        number = next(self.ids) if register is None else register
        return measurement.Measurement(
            measurement.Series(
                measurement.Probe(probe, 'node', probe, 'w', 'dummy', agent),
                measurement.RegisterKey(f'uuid-{agent}', f'{number:016x}'),
                None,
                True,
            ),
            self.now,
            10_000,
            5,
            10_000,
        )

    def write(
        self, agents: quotas.Quotas, *measurements: measurement.Measurement
    ) -> store.BatchResult:
        with db_engine.writing(self.engine) as connection:
            return store.write(
                connection, list(measurements), self.now, agents
            )

    def stored(self) -> collections.Counter[str]:
        """Return the number of registers of each probe."""
        with self.engine.connect() as connection:
            probes = connection.scalars(sa.select(schema.probe.c.id)).all()
            registers = collections.Counter(
                connection.scalars(sa.select(schema.register.c.probe))
            )
        self.assertEqual(set(probes), set(registers))
        return registers


class ProbesTest(QuotasTest):
    def test_probes_beyond_the_quota_are_rejected(self):
        agents = self.limit(max_agent_probes=3)

        result = self.write(agents, *map(self.measure, 'abcde'))

        self.assertEqual(3, len(self.stored()))
        self.assertEqual(
            {(outcome.Outcome.PROBE_QUOTA, 'agent'): 2}, result.rejected
        )

    def test_known_probes_continue_beyond_the_quota(self):
        self.write(self.limit(), *map(self.measure, 'ab'))
        agents = self.limit(max_agent_probes=1)

        result = self.write(agents, *map(self.measure, 'ab'))

        self.assertEqual({'a': 2, 'b': 2}, self.stored())
        self.assertEqual({}, result.rejected)

    def test_other_agents_have_quotas_of_their_own(self):
        agents = self.limit(max_agent_probes=1)
        self.write(agents, *map(self.measure, 'ab'))

        result = self.write(agents, self.measure('c', 'other'))

        self.assertEqual({}, result.rejected)
        self.assertIn('c', self.stored())

    def test_deleted_probe_makes_room(self):
        agents = self.limit(max_agent_probes=1)
        self.write(agents, self.measure('a'))
        with self.engine.begin() as connection:
            connection.execute(schema.probe.delete())

        result = self.write(agents, self.measure('b'))

        self.assertEqual({}, result.rejected)

    def test_another_collector_counts_the_same_probes(self):
        self.write(self.limit(max_agent_probes=1), self.measure('a'))

        self.write(self.limit(max_agent_probes=1), self.measure('b'))

        self.assertEqual({'a': 1}, self.stored())

    def test_all_agents_share_a_quota(self):
        agents = self.limit(max_probes=2)

        result = self.write(
            agents, *(self.measure(name, f'agent-{name}') for name in 'abc')
        )

        self.assertEqual(2, len(self.stored()))
        self.assertEqual(
            {(outcome.Outcome.SITE_QUOTA, 'agent-c'): 1}, result.rejected
        )


class MarksTest(QuotasTest):
    def setUp(self) -> None:
        super().setUp()
        self.useFixture(fixtures.MockPatchObject(quotas, '_MAX_MARKS', 3))
        self.first = self.measure('a')

    def mark(self, *elapsed: int) -> list[measurement.Measurement]:
        return [
            self.first._replace(elapsed=each, is_mark=True) for each in elapsed
        ]

    def marks(self) -> int:
        """Return the number of marks in the database."""
        query = sa.select(sa.func.count()).select_from(schema.mark)
        with self.engine.connect() as connection:
            return connection.scalar(query) or 0

    def test_flood_of_marks_is_bounded(self):
        result = self.write(self.limit(), self.first, *self.mark(*range(1, 9)))

        # Its energy is billed nevertheless.
        self.assertEqual({'a': 1}, self.stored())
        self.assertEqual(3, self.marks())
        self.assertEqual(
            {(outcome.Outcome.MARK_RATE, 'agent'): 5}, result.rejected
        )

    def test_marks_within_the_quota_are_written(self):
        agents = self.limit()
        self.write(agents, self.first, *self.mark(1, 2, 3))
        self.monotonic += 1

        result = self.write(agents, *self.mark(4))

        self.assertEqual(4, self.marks())
        self.assertEqual({}, result.rejected)

    def test_known_marks_cost_nothing(self):
        agents = self.limit()
        self.write(agents, self.first, *self.mark(1, 2, 3))

        result = self.write(agents, *self.mark(1, 2, 3))

        self.assertEqual({}, result.rejected)


class RegistersTest(QuotasTest):
    def test_registers_beyond_the_quota_are_rejected(self):
        agents = self.limit(max_probe_registers=2)

        for _ in range(4):
            result = self.write(agents, self.measure('a'))

        self.assertEqual({'a': 2}, self.stored())
        self.assertEqual(
            {(outcome.Outcome.REGISTER_QUOTA, 'agent'): 1}, result.rejected
        )

    def test_quota_counts_registers_of_before_the_start(self):
        self.write(self.limit(), *map(self.measure, 'aa'))

        self.write(self.limit(max_probe_registers=2), *map(self.measure, 'ab'))

        self.assertEqual({'a': 2, 'b': 1}, self.stored())

    def test_crash_loop_is_throttled(self):
        agents = self.limit(max_hourly_registers=60)

        results = [self.write(agents, self.measure('a')) for _ in range(100)]

        self.assertEqual({'a': 60}, self.stored())
        self.assertEqual(
            40,
            sum(
                result.outcomes[outcome.Outcome.REGISTER_RATE]
                for result in results
            ),
        )

    def test_each_register_is_accepted_once_it_is_paid_for(self):
        agents = self.limit(max_hourly_registers=60)
        for _ in range(60):
            self.write(agents, self.measure('a'))

        for minute in range(1, 121):
            self.monotonic = 60.0 * minute
            result = self.write(agents, self.measure('a'))
            self.assertEqual({}, result.rejected)

        self.assertEqual({'a': 180}, self.stored())

    def test_throttled_register_that_continues_is_accepted_with_its_energy(
        self,
    ):
        agents = self.limit(max_hourly_registers=1)
        self.write(agents, self.measure('a'))
        throttled = self.measure('a')
        self.write(agents, throttled)

        self.monotonic = 1.01 * HOUR_S
        self.write(agents, throttled._replace(elapsed=HOUR_S, millijoules=99))

        with self.engine.connect() as connection:
            energies = connection.scalars(
                sa.select(schema.register.c.millijoules)
            ).all()
        self.assertEqual([5, 99], sorted(energies))

    def test_known_register_is_written_whatever_the_quotas(self):
        self.write(self.limit(), self.measure('a', register=1))
        agents = self.limit(max_probe_registers=1, max_hourly_registers=1)

        for _ in range(3):
            result = self.write(agents, self.measure('a', register=1))

        self.assertEqual({}, result.rejected)

    def test_restart_of_all_probes_each_hour_is_accepted(self):
        agents = self.limit()
        probes = [f'probe-{number}' for number in range(1000)]

        for hour in range(3):
            self.monotonic = float(hour * HOUR_S)
            result = self.write(agents, *map(self.measure, probes))
            self.assertEqual({}, result.rejected)


class QuantityTest(QuotasTest):
    def measure_cpu(
        self, probe: str, register: int | None = None
    ) -> measurement.Measurement:
        return self.measure(probe, register=register)._replace(
            usage=usages.usage(1)
        )

    def assert_rejected(self, result: store.BatchResult) -> None:
        self.assertEqual(
            {(outcome.Outcome.OTHER_QUANTITY, 'agent'): 1}, result.rejected
        )
        self.assertEqual({'a': 1}, self.stored())

    def test_probe_keeps_its_quantity(self):
        # Given a probe of each quantity, and collectors that know them, or
        # have just started,
        for first, second in (
            (self.measure, self.measure_cpu),
            (self.measure_cpu, self.measure),
        ):
            databases.empty(self.engine)
            agents = self.limit()
            self.write(agents, first('a'))
            for collector in (agents, self.limit()):
                # when a register of the other quantity arrives, then it is
                # rejected.
                self.assert_rejected(self.write(collector, second('a')))

                # And those of the first quantity are not affected.
                result = self.write(collector, first('b'))
                self.assertEqual({}, result.rejected)
                databases.delete(self.engine, 'b')

    def test_register_keeps_its_quantity(self):
        # Given a register of energy,
        agents = self.limit()
        self.write(agents, self.measure('a', register=1))

        # when it sends CPU time, then that is rejected, by any collector.
        for collector in (agents, self.limit()):
            result = self.write(collector, self.measure_cpu('a', register=1))
            self.assert_rejected(result)

    def test_deleted_probe_may_return_with_the_other_quantity(self):
        agents = self.limit()
        self.write(agents, self.measure('a'))
        self.assert_rejected(self.write(agents, self.measure_cpu('a')))

        with self.engine.begin() as connection:
            connection.execute(schema.probe.delete())
        result = self.write(agents, self.measure_cpu('a'))

        self.assertEqual({}, result.rejected)


class VectorsTest(QuotasTest):
    def layouts(self) -> int:
        with self.engine.connect() as connection:
            count = sa.select(sa.func.count())
            return (
                connection.scalar(count.select_from(schema.usage_layout)) or 0
            )

    def flood(self, agents: quotas.Quotas, count: int, is_mark: bool) -> None:
        """Send vectors of 1,000 instances, each with a layout of its own."""
        usage = usages.usage(*range(1000))
        first = self.measure('a')
        for number in range(count):
            layout = usage.layout._replace(threads=number)
            self.write(
                agents,
                first._replace(
                    elapsed=first.elapsed + number,
                    usage=usage._replace(layout=layout),
                    watts=None,
                    is_mark=is_mark,
                ),
            )

    def test_flood_of_layouts_is_bounded(self):
        self.useFixture(fixtures.MockPatchObject(quotas, '_MAX_MARKS', 1000))
        for is_mark in (True, False):
            databases.empty(self.engine)

            self.flood(self.limit(), 15, is_mark)

            self.assertEqual(9, self.layouts())

    def test_host_with_many_instances_is_never_limited(self):
        # Given a host with 500 instances, whose agent returns after 4 days,
        agents = self.limit()
        usage = usages.usage(*range(500))
        for _ in range(4 * 96):
            self.assertTrue(agents.accept(1, usage))

        # then what it measures from then on is accepted, too: a mark each
        # quarter-hour, and a vector each minute.
        for _ in range(96):
            self.assertTrue(agents.accept(1, usage))
            for _ in range(15):
                self.monotonic += 60.0
                self.assertTrue(agents.accept(1, usage))


class MemoryTest(QuotasTest):
    def test_rejected_names_take_no_memory(self):
        agents = self.limit(max_agent_probes=1)

        for number in range(100):
            self.write(agents, self.measure(f'probe-{number}'))

        self.assertEqual(1, len(agents._probes))
        self.assertEqual(1, len(agents._known))

    def test_dropped_probes_and_registers_are_looked_up(self):
        self.useFixture(fixtures.MockPatchObject(quotas, '_MAX_KNOWN', 2))
        agents = self.limit(max_agent_probes=5)
        first: list[typing.Any] = [self.measure(probe) for probe in 'abcd']
        self.write(agents, *first)

        result = self.write(agents, *first, *map(self.measure, 'abcdef'))

        self.assertEqual(
            {(outcome.Outcome.PROBE_QUOTA, 'agent'): 1}, result.rejected
        )
        self.assertEqual(9, self.stored().total())


class OrdinaryPathTest(QuotasTest):
    def test_known_registers_need_no_query(self):
        agents = self.limit()
        known = self.measure('a')
        self.write(agents, known)
        with self.engine.connect() as connection:
            statements: list[str] = []
            sa.event.listen(
                self.engine,
                'before_cursor_execute',
                lambda *args: statements.append(args[2]),
            )
            batch = arrivals.collect([known])

            excess = agents.excess(connection, batch)

        self.assertEqual({}, excess)
        self.assertEqual([], statements)
