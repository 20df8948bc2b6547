# SPDX-License-Identifier: Apache-2.0


"""Tests of SNMP devices that return an error for some objects."""

import hypothesis
from hypothesis import strategies
from oslotest import base

from energy_meter import exception
from energy_meter.drivers.snmp import engine
from energy_meter.drivers.snmp import errors
from energy_meter.drivers.snmp import isolation
from energy_meter.drivers.snmp import objects
from energy_meter.drivers.snmp import session
from energy_meter.tests.unit.drivers.snmp import agent

NAMES, WATTS = (1, 1), (1, 2)

rows = strategies.sets(strategies.integers(1, 40), min_size=2)
faults = strategies.sets(strategies.integers(1, 40), min_size=1, max_size=8)
versions = strategies.sampled_from(['1', '2c'])


def column(oid: engine.Oid, numbers: set[int]) -> dict[engine.Oid, int | str]:
    return {(*oid, number): number for number in numbers}


def walk(
    device: agent.Agent, version: str, *columns: engine.Oid
) -> isolation.Values:
    return isolation.walk(
        agent.connect(device, version).walk,
        [objects.Range.below(oid) for oid in columns],
        session.MAX_BULK_OBJECTS,
    )


class WalkTest(base.BaseTestCase):
    @hypothesis.given(rows, faults, versions, strategies.booleans())
    def test_failed_rows_with_names_cost_only_themselves(
        self, numbers, faulty, version, has_index
    ):
        failed = {(*WATTS, number) for number in numbers & faulty}
        table = column(NAMES, numbers) | column(WATTS, numbers)
        device = agent.Agent(
            table, version, failed=failed, has_index=has_index
        )

        values = walk(device, version, NAMES, WATTS)

        self.assertEqual(
            {oid: table[oid] for oid in table.keys() - failed},
            {oid: value for oid, value in values.items() if value is not None},
        )
        self.assertLessEqual(values.keys(), table.keys())
        if version != '1':
            limit = 4 + isolation.MAX_ERRORS * max(1, len(failed))
            self.assertLess(len(device.requests), limit)

    @hypothesis.given(strategies.integers(2, 40), faults, versions)
    def test_failed_rows_without_names_cost_only_themselves(
        self, count, faulty, version
    ):
        table = column(WATTS, set(range(1, count + 1)))
        failed = {oid for oid in table if oid[-1] in faulty}
        hypothesis.assume(len(failed) < count)
        device = agent.Agent(table, version, failed=failed)

        values = walk(device, version, WATTS)

        # Of several adjacent failed rows, the last is known to exist.
        self.assertEqual(
            {oid: table[oid] for oid in table.keys() - failed},
            {oid: value for oid, value in values.items() if value is not None},
        )
        self.assertLessEqual(
            {oid for oid in failed if (*oid[:-1], oid[-1] + 1) not in failed},
            values.keys(),
        )
        self.assertLessEqual(values.keys(), table.keys())

    def test_longer_index_is_not_guessed(self):
        table = {(*WATTS, 1, row): row for row in (1, 2)} | {(*WATTS, 2, 1): 3}
        device = agent.Agent(table, failed=[(*WATTS, 1, 1)])

        error = self.assertRaises(
            exception.ProtocolError, walk, device, '2c', WATTS
        )

        self.assertIn('genErr', str(error))

    def test_column_that_always_fails_is_given_up(self):
        table = column(NAMES, {1}) | column(WATTS, set(range(1, 500)))
        device = agent.Agent(
            table, failed=[oid for oid in table if oid[1] > 1]
        )

        self.assertRaises(
            exception.ProtocolError, walk, device, '2c', NAMES, WATTS
        )

        self.assertLess(len(device.requests), 2 * isolation.MAX_ERRORS)


class GetTest(base.BaseTestCase):
    @hypothesis.given(
        strategies.integers(2, 100),
        strategies.sets(strategies.integers(1, 100), max_size=6),
        versions,
        strategies.booleans(),
        strategies.sampled_from(errors.ROW_STATUSES),
    )
    @hypothesis.example(99, {39}, '1', False, agent.GENERAL_ERROR)
    def test_failed_objects_cost_only_themselves(
        self, count, faulty, version, has_index, status
    ):
        table = column(WATTS, set(range(1, count + 1)))
        failed = {oid for oid in table if oid[-1] in faulty}
        hypothesis.assume(len(failed) < count)
        device = agent.Agent(
            table,
            version,
            failed=failed,
            has_index=has_index,
            status=status,
        )

        values = agent.connect(device, version).get(table)

        self.assertEqual(table | dict.fromkeys(failed), values)
        # Three requests are enough for 100 objects. A failed one of 41
        # objects is found with eight.
        self.assertLessEqual(len(device.requests), 3 + 8 * len(failed))

    def test_failed_object_is_not_requested_again_at_once(self):
        device = agent.Agent({(1, 1): 1, (1, 2): 2}, failed=[(1, 2)])
        connected = agent.connect(device)
        connected.get([(1, 1), (1, 2)])
        device.requests.clear()

        connected.get([(1, 1), (1, 2)])

        self.assertEqual([[(1, 1)]], device.requests)

    def test_failure_of_all_objects_raises_every_time(self):
        table = {(1, 1): 1, (1, 2): 2}
        connected = agent.connect(agent.Agent(table, failed=table))

        for _ in range(2):
            error = self.assertRaises(
                exception.ProtocolError, connected.get, table
            )
            self.assertIn('genErr', str(error))

    def test_many_failed_objects_fail_the_device(self):
        table = column(WATTS, set(range(1, 401)))
        device = agent.Agent(
            table, failed=[oid for oid in table if oid[-1] % 2]
        )

        self.assertRaises(
            exception.ProtocolError, agent.connect(device).get, table
        )

        self.assertLess(len(device.requests), isolation.MAX_ERRORS + 10)
