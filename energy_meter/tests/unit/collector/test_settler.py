# SPDX-License-Identifier: Apache-2.0

"""Order and size of the transactions that settle probes."""

import fixtures
import sqlalchemy as sa

from energy_meter import log_throttle
from energy_meter.collector import alarms
from energy_meter.collector import metrics
from energy_meter.collector import outage
from energy_meter.collector import settler
from energy_meter.collector import settling
from energy_meter.telemetry import counters
from energy_meter.tests.unit.collector import databases
from energy_meter.tests.unit.collector import test_quotas


class SettlerTest(test_quotas.QuotasTest):
    """A site with contested probes.

    :ivar chunks: probes of each transaction.
    """

    def setUp(self) -> None:
        super().setUp()
        self.chunks: list[list[str]] = []
        settle = settling.settle

        def record(
            connection: sa.Connection, probes: list[str], db_now: int
        ) -> set[str]:
            self.chunks.append(list(probes))
            return settle(connection, probes, db_now)

        self.useFixture(fixtures.MockPatchObject(settling, 'settle', record))
        self.counters = counters.Counters(metrics.COUNTERS)
        self.settler = settler.Settler(
            self.engine,
            1.0,
            self.counters,
            log_throttle.ThrottledLogger(settler.LOG),
            outage.DatabaseOutage(self.counters),
        )

    def contest(self, **sizes: int) -> None:
        """Contest probes by a number of registers that follow no other."""
        for probe, size in sizes.items():
            databases.deliver(
                self.engine,
                [self.measure(probe) for _ in range(size)],
                self.now,
            )

    def contested(self) -> list[str]:
        with self.engine.connect() as connection:
            return settling.contested(connection)

    def test_probes_with_few_registers_are_settled_first(self):
        self.contest(a=5, b=2, c=3)
        self.useFixture(fixtures.MockPatchObject(settler, '_MAX_PROBES', 1))

        self.settler.settle()

        self.assertEqual([['b'], ['c'], ['a']], self.chunks)
        self.assertEqual([], self.contested())

    def test_transaction_has_a_maximum_of_registers(self):
        self.contest(a=2, b=2, c=2, d=9)
        self.useFixture(fixtures.MockPatchObject(settler, '_MAX_REGISTERS', 5))

        self.settler.settle()

        self.assertEqual([['a', 'b'], ['c'], ['d']], self.chunks)

    def test_skipped_probes_are_tried_once_more(self):
        self.contest(a=2, b=3)
        self.useFixture(
            fixtures.MockPatchObject(
                settling, 'settle', lambda _, probes, __: self.skip(probes)
            )
        )

        self.settler.settle()

        self.assertEqual([['a', 'b'], ['b']], self.chunks)

    def test_alarms_are_not_read_again_by_the_next_settling(self):
        report = self.useFixture(
            fixtures.MockPatchObject(alarms.Alarms, 'report')
        ).mock

        self.settler.settle()
        self.settler.settle()

        report.assert_called_once_with(self.engine)

    def skip(self, probes: list[str]) -> set[str]:
        self.chunks.append(list(probes))
        return {'a'}
