# SPDX-License-Identifier: Apache-2.0

"""Probes that are the sum of others."""

from energy_meter import measurement
from energy_meter.collector import administration
from energy_meter.db import sums
from energy_meter.tests.unit.collector import databases
from energy_meter.tests.unit.db import base as db_base

TTL = 300.0
MILLIJOULES_PER_KWH = 3.6e9
NODE = sums.Sum('node', 'rack-node', frozenset({'a', 'b'}))


class SumsTest(db_base.DatabaseTest):
    def meter(
        self,
        probe: str,
        kwh: float,
        watts: float | None = 10.0,
        metered: float = 1.0,
        ago: float = 0.0,
    ) -> None:
        """Write a measurement of a probe's register."""
        millijoules = round(kwh * MILLIJOULES_PER_KWH)
        elapsed = millijoules / 1000
        received = measurement.Measurement(
            measurement.Probe(
                probe, 'outlet', probe, f'pdu-{probe}', 'dummy', 'agent'
            ),
            measurement.RegisterKey('agent', probe * 16, 1),
            self.now - ago,
            elapsed,
            millijoules,
            metered * elapsed,
            watts,
        )
        databases.deliver(self.engine, [received], self.now - ago)

    def configure(self, *totals: sums.Sum) -> None:
        with self.engine.begin() as connection:
            sums.configure(connection, totals)

    def state(self, name: str = 'node'):
        with self.engine.connect() as connection:
            return sums.get_state(connection, name, TTL)

    def test_sum_adds_the_energy_of_its_parts_since_they_joined(self):
        self.meter('a', 5.0)
        self.configure(NODE)
        self.meter('a', 5.5)
        self.meter('b', 0.25)
        self.assertEqual(0.75, self.state().kwh)

    def test_energy_of_a_part_that_leaves_remains(self):
        self.configure(NODE)
        self.meter('a', 1.0)
        self.meter('b', 2.0)
        self.configure(NODE._replace(parts=frozenset({'a'})))
        self.meter('b', 7.0)
        self.assertEqual(3.0, self.state().kwh)

    def test_voided_part_removes_only_the_energy_it_added(self):
        self.meter('a', 5.0)
        self.configure(NODE)
        self.meter('a', 5.5)
        self.meter('b', 0.25)
        with self.engine.begin() as connection:
            administration.void(connection, 'a', 'agent', 'a' * 16, 'me')
        self.assertEqual(0.25, self.state().kwh)

    def test_deleted_part_adds_nothing(self):
        self.meter('a', 5.0, ago=4000)
        self.configure(NODE)
        with self.engine.begin() as connection:
            administration.delete_probe(connection, 'a', 'me')
        self.meter('b', 0.25)
        self.assertEqual(0.25, self.state().kwh)

    def test_part_that_returns_adds_energy_from_then_on(self):
        self.configure(NODE)
        self.meter('a', 1.0)
        self.configure(NODE._replace(parts=frozenset({'b'})))
        self.meter('a', 2.0)
        self.configure(NODE)
        self.meter('a', 4.0)
        self.assertEqual(3.0, self.state().kwh)

    def test_configuring_again_changes_nothing(self):
        self.configure(NODE)
        self.meter('a', 1.0)
        self.configure(NODE)
        self.assertEqual(1.0, self.state().kwh)

    def test_power_is_unknown_unless_all_parts_are_fresh(self):
        self.configure(NODE)
        self.meter('a', 1.0, watts=10.0)
        self.meter('b', 1.0, watts=20.0, ago=TTL + 1)
        self.assertIsNone(self.state().watts)
        self.meter('b', 2.0, watts=30.0)
        self.assertEqual(40.0, self.state().watts)

    def test_power_is_unknown_until_all_parts_are_metered(self):
        self.configure(NODE)
        self.meter('a', 1.0)
        self.assertIsNone(self.state().watts)

    def test_coverage_is_that_of_the_worst_part(self):
        self.configure(NODE)
        self.meter('a', 1.0, metered=0.5)
        self.meter('b', 1.0, metered=0.75)
        self.assertAlmostEqual(0.5, self.state().coverage)

    def test_sum_has_scope_node_and_lists_its_parts(self):
        self.configure(NODE)
        self.meter('a', 1.0)
        self.meter('b', 1.0)
        state = self.state()
        self.assertEqual(
            ('node', 'rack-node', 'pdu-a+pdu-b', ('a', 'b')),
            (state.scope, state.host, state.wattmeter, state.parts),
        )

    def test_sum_of_stale_parts_is_not_found(self):
        self.configure(NODE)
        self.meter('a', 1.0, ago=TTL + 1)
        self.assertIsNone(self.state())

    def test_sum_that_is_no_longer_configured_is_not_found(self):
        self.configure(NODE)
        self.meter('a', 1.0)
        self.configure()
        self.assertIsNone(self.state())

    def test_fingerprint_changes_with_the_parts(self):
        def fingerprint() -> object:
            with self.engine.connect() as connection:
                return sums.fingerprint(connection)

        self.configure(NODE)
        before = fingerprint()
        self.configure(NODE._replace(parts=frozenset({'a'})))
        self.assertNotEqual(before, fingerprint())
