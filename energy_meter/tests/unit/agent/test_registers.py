# SPDX-License-Identifier: Apache-2.0

"""Registers of an agent stay open while the settings of probes change."""

from oslotest import base

from energy_meter import measurement
from energy_meter.agent import registers

COUNTER = measurement.Counter(joules_per_tick=1.0)


def settings(probe, **changes):
    return registers.Settings(
        measurement.Probe(probe, 'node', probe, 'meter', 'dummy', 'agent'),
        500.0,
        60.0,
        'auto',
        {'driver': 'dummy'},
    )._replace(**changes)


class RegistersTest(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.registers = self.make()

    def make(self, closed=()):
        return registers.Registers('uuid', closed)

    def configure(self, *probes, incarnation=1, monotonic=0.0):
        self.registers.configure(
            [settings(probe) for probe in probes], incarnation, monotonic
        )

    def record(self, monotonic, probe='p', timestamp=None, **values):
        return self.registers.record(
            measurement.Reading(probe, **values),
            monotonic,
            monotonic if timestamp is None else timestamp,
        )

    def test_reading_updates_only_the_register_of_its_probe(self):
        self.configure('p', 'q')
        for probe in ('p', 'q'):
            self.record(10.0, probe, watts=100.0)

        latest = self.record(
            11.0, timestamp=1.7e9, watts=100.0, volts=230.0, amperes=0.5
        )

        self.assertEqual(
            (1.7e9, 11.0, 100_000, 1.0, 100.0, 230.0, 0.5), latest[2:]
        )
        self.assertEqual(
            {'p': 100_000, 'q': 0},
            {
                latest.probe.id: latest.millijoules
                for latest in self.registers.measurements()
            },
        )

    def test_register_key_contains_agent_and_incarnation(self):
        self.configure('p', 'q', incarnation=7)

        keys = [
            self.record(1.0, probe, watts=1.0).register for probe in ('p', 'q')
        ]

        self.assertEqual(
            {('uuid', 7)}, {(key.agent, key.incarnation) for key in keys}
        )
        self.assertEqual(2, len({key.id for key in keys}))

    def test_reading_of_unknown_probe_is_ignored(self):
        self.configure('p')

        self.assertIsNone(self.record(1.0, 'unknown', watts=1.0))
        self.assertEqual([], self.registers.measurements())

    def test_older_reading_is_ignored(self):
        self.configure('p')
        latest = self.record(2.0, watts=100.0)

        self.assertIsNone(self.record(1.0, watts=200.0))

        self.assertEqual([latest], self.registers.measurements())

    def test_register_of_unchanged_probe_stays_open(self):
        self.configure('p')
        self.record(1.0, watts=100.0)

        self.configure('q', 'p', incarnation=2, monotonic=1.5)

        latest = self.record(2.0, watts=100.0)
        self.assertEqual(
            (1, 100_000),
            (latest.register.incarnation, latest.millijoules),
        )
        self.assertEqual([], self.registers.closed())

    def test_changed_settings_start_from_a_new_base(self):
        # Given 1 J of power metering,
        self.configure('p')
        self.record(1.0, watts=1.0)
        before = self.record(2.0, watts=1.0)

        # when its wattmeter is reconfigured,
        self.registers.configure(
            [settings('p', options={'driver': 'other'})], 2, 2.5
        )
        rebased = self.record(3.0, watts=1.0)
        after = self.record(4.0, watts=1.0)

        # then the second during which it changed is not billed.
        self.assertEqual({before.register}, {rebased.register, after.register})
        self.assertEqual(
            [1000, 1000, 2000],
            [each.millijoules for each in (before, rebased, after)],
        )
        self.assertEqual([], self.registers.closed())

    def test_measurement_contains_current_attributes_of_probe(self):
        self.configure('p')
        self.record(1.0, watts=1.0)
        moved = settings('p')

        self.registers.configure(
            [moved._replace(probe=moved.probe._replace(host='other'))], 1, 1.5
        )

        self.assertEqual('other', self.record(2.0, watts=1.0).probe.host)

    def test_register_of_removed_probe_is_closed(self):
        self.configure('p', 'q')
        latest = self.record(1.0, watts=1.0)
        self.record(1.0, 'q', watts=1.0)

        self.configure('q')

        self.assertEqual(
            [registers.ClosedRegister(latest, registers.REPUBLISH_PERIOD_S)],
            self.registers.closed(),
        )
        self.assertEqual(
            ['q'],
            [latest.probe.id for latest in self.registers.measurements()],
        )
        self.assertIsNone(self.record(2.0, watts=1.0))

    def test_probe_added_again_gets_a_new_register(self):
        self.configure('p')
        first = self.record(1.0, watts=1.0)
        self.configure()

        self.configure('p', incarnation=2, monotonic=10.0)

        second = self.record(11.0, watts=1.0)
        self.assertNotEqual(first.register.id, second.register.id)
        self.assertEqual(
            (2, 1.0, 0),
            (second.register.incarnation, second.elapsed, second.millijoules),
        )

    def test_register_without_measurement_is_closed_without_one(self):
        self.configure('p')

        self.configure()

        self.assertEqual([], self.registers.closed())

    def test_probes_without_register_are_unknown(self):
        self.configure('p')

        self.assertEqual(['q', 'r'], self.registers.unknown(['q', 'p', 'r']))

    def test_counter_that_appears_later_is_billed_from_then_on(self):
        self.configure('p')
        self.record(1.0, watts=1.0)

        measurements = [
            self.record(monotonic, watts=1.0, ticks=ticks, counter=COUNTER)
            for monotonic, ticks in ((2.0, 5000), (3.0, 5003), (4.0, 5003))
        ]

        self.assertEqual(
            [0, 3000, 3000],
            [each.millijoules for each in measurements],
        )

    def test_counter_with_changed_properties_starts_from_a_new_base(self):
        self.configure('p')
        self.record(1.0, ticks=100, counter=COUNTER)
        self.record(2.0, ticks=103, counter=COUNTER)
        other = measurement.Counter(joules_per_tick=2.0)

        measurements = [
            self.record(monotonic, ticks=ticks, counter=other)
            for monotonic, ticks in ((3.0, 200), (4.0, 201))
        ]

        self.assertEqual(
            [3000, 5000], [each.millijoules for each in measurements]
        )

    def test_reading_without_counter_does_not_change_the_base(self):
        self.configure('p')
        self.record(1.0, ticks=100, counter=COUNTER)
        self.record(2.0, watts=1.0)

        latest = self.record(3.0, ticks=105, counter=COUNTER)

        self.assertEqual(5000, latest.millijoules)

    def test_closed_registers_expire(self):
        self.configure('p')
        latest = self.record(1.0, watts=1.0)
        self.registers = self.make([registers.ClosedRegister(latest, 500.0)])

        self.registers.expire(300.0)
        self.assertEqual(
            [registers.ClosedRegister(latest, 200.0)], self.registers.closed()
        )

        self.registers.expire(200.0)
        self.assertEqual([], self.registers.closed())
