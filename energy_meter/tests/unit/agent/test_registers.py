# SPDX-License-Identifier: Apache-2.0

"""Registers of an agent stay open while probes and clocks change."""

import itertools

import fixtures
import hypothesis
from hypothesis import strategies
from oslotest import base

from energy_meter import measurement
from energy_meter import power_integrator
from energy_meter.agent import metering
from energy_meter.agent import metrics
from energy_meter.agent import registers
from energy_meter.telemetry import counters
from energy_meter.tests import clocks

COUNTER = measurement.Counter(joules_per_tick=1.0)
START_MS = int(clocks.TIMESTAMP * 1000)


def settings(probe, **changes):
    return metering.Settings(
        measurement.Probe(probe, 'node', probe, 'meter', 'dummy', 'agent'),
        500.0,
        60.0,
        'auto',
        {'driver': 'dummy'},
    )._replace(**changes)


class RegistersTestCase(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.log = self.useFixture(fixtures.FakeLogger('energy_meter.agent'))
        self.clock = clocks.Clock()
        self.counters = counters.Counters(metrics.COUNTERS)
        self.registers = self.make()
        self.marks = []

    def make(self, ended=(), profile_interval=900):
        return registers.Registers(
            'uuid', dict(ended), profile_interval, self.counters
        )

    def configure(self, *probes):
        """Meter these probes, and return the marks of the others."""
        return self.registers.configure(
            [settings(probe) for probe in probes], self.clock.now()
        )

    def record(self, seconds, probe='p', **values):
        """Record a reading after some time, and return its measurement."""
        *marks, latest = self.registers.record(
            measurement.Reading(probe, **values), self.clock.advance(seconds)
        )
        self.marks += marks
        return latest

    def open_measurements(self):
        return [
            latest for latest, _ in self.registers.state(self.clock.now()).open
        ]

    def points(self, marks):
        return [(mark.elapsed, mark.millijoules) for mark in marks]


class RegistersTest(RegistersTestCase):
    def test_reading_updates_only_the_register_of_its_probe(self):
        self.configure('p', 'q')
        self.record(5.0, 'p', watts=100.0)
        self.record(5.0, 'q', watts=100.0)

        latest = self.record(1.0, 'p', watts=100.0, volts=230.0, amperes=0.5)

        self.assertEqual(
            (
                None,
                True,
                START_MS + 11_000,
                11_000,
                600_000,
                6000,
                100.0,
                230.0,
                0.5,
                False,
                None,
            ),
            latest[2:],
        )
        self.assertEqual(
            {'p': 600_000, 'q': 0},
            {
                latest.probe.id: latest.millijoules
                for latest in self.open_measurements()
            },
        )

    def test_each_register_has_its_own_id(self):
        self.configure('p', 'q')

        keys = [
            self.record(1.0, probe, watts=1.0).register for probe in ('p', 'q')
        ]

        self.assertEqual({'uuid'}, {key.agent for key in keys})
        self.assertEqual(2, len({key.id for key in keys}))

    def test_reading_of_unknown_probe_is_ignored(self):
        self.configure('p')

        self.assertEqual(
            [],
            self.registers.record(
                measurement.Reading('unknown', 1.0), self.clock.advance(1.0)
            ),
        )
        self.assertEqual([], self.open_measurements())

    def test_older_reading_is_ignored(self):
        self.configure('p')
        latest = self.record(2.0, watts=100.0)

        self.assertEqual(
            [],
            self.registers.record(
                measurement.Reading('p', 200.0), self.clock.now().before(1.0)
            ),
        )

        self.assertEqual([latest], self.open_measurements())

    def test_register_of_unchanged_probe_stays_open(self):
        self.configure('p')
        first = self.record(1.0, watts=100.0)

        self.assertEqual([], self.configure('q', 'p'))

        latest = self.record(1.0, watts=100.0)
        self.assertEqual(
            (first.register, 100_000), (latest.register, latest.millijoules)
        )

    def test_changed_settings_start_from_a_new_base(self):
        # Given 1 J of power metering,
        self.configure('p')
        self.record(1.0, watts=1.0)
        before = self.record(1.0, watts=1.0)

        # when its wattmeter is reconfigured,
        self.registers.configure(
            [settings('p', options={'driver': 'other'})], self.clock.now()
        )
        rebased = self.record(1.0, watts=1.0)
        after = self.record(1.0, watts=1.0)

        # then the second during which it changed is not billed.
        self.assertEqual({before.register}, {rebased.register, after.register})
        self.assertEqual(
            [1000, 1000, 2000],
            [each.millijoules for each in (before, rebased, after)],
        )

    def test_measurement_contains_current_attributes_of_probe(self):
        self.configure('p')
        self.record(1.0, watts=1.0)
        moved = settings('p')

        self.registers.configure(
            [moved._replace(probe=moved.probe._replace(host='other'))],
            self.clock.now(),
        )

        self.assertEqual('other', self.record(1.0, watts=1.0).probe.host)

    def test_register_of_removed_probe_ends_with_its_last_measurement(self):
        self.configure('p', 'q')
        latest = self.record(1.0, watts=1.0)
        self.record(1.0, 'q', watts=1.0)

        marks = self.configure('q')

        self.assertEqual([latest._replace(watts=None, is_mark=True)], marks)
        self.assertEqual(
            ['q'], [latest.probe.id for latest in self.open_measurements()]
        )

    def test_probe_added_again_gets_a_register_that_follows(self):
        self.configure('p')
        first = self.record(1.0, watts=1.0)
        self.configure()
        self.clock.advance(10.0)

        self.configure('p')

        second = self.record(1.0, watts=1.0)
        self.assertNotEqual(first.register.id, second.register.id)
        self.assertEqual(
            measurement.Predecessor(first.register.id, 1000), second.after
        )
        self.assertEqual((1000, 0), (second.elapsed, second.millijoules))

    def test_register_without_readings_ends_without_a_mark(self):
        self.configure('p')

        self.assertEqual([], self.configure())

    def test_counter_that_appears_later_is_billed_from_then_on(self):
        self.configure('p')
        self.record(1.0, watts=1.0)

        measurements = [
            self.record(1.0, watts=1.0, ticks=ticks, counter=COUNTER)
            for ticks in (5000, 5003, 5003)
        ]

        self.assertEqual(
            [0, 3000, 3000],
            [each.millijoules for each in measurements],
        )

    def test_counter_with_changed_properties_starts_from_a_new_base(self):
        self.configure('p')
        self.record(1.0, ticks=100, counter=COUNTER)
        self.record(1.0, ticks=103, counter=COUNTER)
        other = measurement.Counter(joules_per_tick=2.0)

        measurements = [
            self.record(1.0, ticks=ticks, counter=other)
            for ticks in (200, 201)
        ]

        self.assertEqual(
            [3000, 5000], [each.millijoules for each in measurements]
        )

    def test_reading_without_counter_does_not_change_the_base(self):
        self.configure('p')
        self.record(1.0, ticks=100, counter=COUNTER)
        self.record(1.0, watts=1.0)

        latest = self.record(1.0, ticks=105, counter=COUNTER)

        self.assertEqual(5000, latest.millijoules)


class MarksTest(RegistersTestCase):
    def test_opening_is_marked_with_the_first_reading(self):
        self.configure('p')

        latest = self.record(2.0, watts=1.0)

        self.assertEqual(
            [
                measurement.Measurement(
                    measurement.Series(
                        latest.probe, latest.register, None, True
                    ),
                    START_MS,
                    0,
                    0,
                    0,
                    is_mark=True,
                )
            ],
            self.marks,
        )

    def test_quarter_hour_is_marked(self):
        # The clock of the tests starts 800 s after a full hour.
        self.configure('p')
        for _ in range(30):
            self.record(8.0, watts=100.0)

        boundary = self.marks[-1]

        self.assertEqual(0, boundary.timestamp % 900_000)
        self.assertEqual(
            (100_000, 9_200_000), (boundary.elapsed, boundary.millijoules)
        )
        self.assertEqual((None, True), (boundary.watts, boundary.is_mark))


class StateTest(RegistersTestCase):
    def test_checkpoint_contains_the_elapsed_time_now(self):
        self.configure('p')
        latest = self.record(5.0, watts=1.0)
        self.clock.advance(40.0)

        state = self.registers.state(self.clock.now())

        self.assertEqual([(latest, 45_000)], state.open)

    def test_register_without_readings_does_not_replace_the_last_one(self):
        # Nothing of it is published, so a successor must not name it.
        last = measurement.Predecessor('0' * 16, 7000)
        self.registers = self.make({'p': last})

        self.configure('p')

        self.assertEqual(
            registers.State([], {'p': last}),
            self.registers.state(self.clock.now()),
        )

    def test_register_follows_the_one_of_the_checkpoint(self):
        last = measurement.Predecessor('0' * 16, 7000)
        self.registers = self.make({'p': last, 'removed': last})
        self.configure('p')

        latest = self.record(1.0, watts=1.0)

        self.assertEqual(last, latest.after)
        # The other is kept for good: its probe may be added again.
        self.assertEqual(
            registers.State([(latest, 1000)], {'removed': last}),
            self.registers.state(self.clock.now()),
        )

    def test_register_is_unsaved_from_its_first_reading_on(self):
        self.configure('p')
        self.assertFalse(self.registers.has_unsaved())

        self.record(1.0, watts=1.0)
        self.assertTrue(self.registers.has_unsaved())

        self.registers.state(self.clock.now())
        self.record(1.0, watts=1.0)
        self.assertFalse(self.registers.has_unsaved())


class ClockStepTest(RegistersTestCase):
    """The wall clock steps, or time passes while nothing runs."""

    def setUp(self):
        super().setUp()
        self.configure('p')
        self.record(1.0, watts=100.0)
        self.last = self.record(1.0, watts=100.0)
        self.marks.clear()

    def test_step_ends_the_register_at_the_earlier_reading(self):
        self.clock.step(3600.0)

        latest = self.record(1.0, watts=100.0)

        # The old register ends with its last measurement,
        final, opening = self.marks
        self.assertEqual(self.last._replace(watts=None, is_mark=True), final)
        # and the new one follows it, with the right date.
        self.assertNotEqual(self.last.register, latest.register)
        self.assertEqual(
            measurement.Predecessor(self.last.register.id, 2000), latest.after
        )
        self.assertEqual(
            (latest.register, START_MS + 3_602_000, 0, 0),
            (
                opening.register,
                opening.timestamp,
                opening.elapsed,
                opening.millijoules,
            ),
        )
        self.assertEqual(1.0, self.counters.value('clock_steps'))
        self.assertIn('stepped by +3600.0 s', self.log.output)

    def test_no_energy_is_lost_between_the_registers(self):
        self.clock.step(-3600.0)

        latest = self.record(1.0, watts=100.0)

        self.assertEqual(100_000, self.last.millijoules)
        self.assertEqual(
            (100_000, 1000, 1000),
            (latest.millijoules, latest.elapsed, latest.metered),
        )

    def test_small_correction_does_not_end_the_register(self):
        self.clock.step(0.9)

        latest = self.record(1.0, watts=100.0)

        self.assertEqual(self.last.register, latest.register)
        # It has one offset between its clocks.
        self.assertEqual(START_MS + 3000, latest.timestamp)

    def test_small_corrections_add_up(self):
        registers_seen = set()
        for _ in range(12):
            self.clock.step(0.3)
            registers_seen.add(self.record(300.0, watts=100.0).register)

        # 3.6 s are three steps of more than one second.
        self.assertEqual(4, len(registers_seen | {self.last.register}))

    def test_suspended_machine_keeps_its_register(self):
        self.clock.suspend(3600.0)

        latest = self.record(1.0, watts=100.0)

        self.assertEqual(self.last.register, latest.register)
        self.assertEqual(
            (3_603_000, START_MS + 3_603_000),
            (latest.elapsed, latest.timestamp),
        )

    def test_second_step_waits_until_ten_minutes_are_over(self):
        self.clock.step(60.0)
        first = self.record(1.0, watts=100.0)
        self.clock.step(60.0)

        waiting = [self.record(59.0, watts=100.0) for _ in range(10)]
        second = self.record(59.0, watts=100.0)

        self.assertEqual({first.register}, {each.register for each in waiting})
        self.assertNotEqual(first.register, second.register)
        self.assertEqual(
            measurement.Predecessor(first.register.id, waiting[-1].elapsed),
            second.after,
        )
        self.assertEqual(round(self.clock.timestamp * 1000), second.timestamp)

    def test_register_with_a_wrong_date_is_not_synced(self):
        self.clock.step(60.0)
        self.assertTrue(self.record(1.0, watts=100.0).synced)
        self.clock.step(60.0)

        self.assertFalse(self.record(1.0, watts=100.0).synced)

    def test_step_that_is_undone_opens_no_register(self):
        self.clock.step(60.0)
        first = self.record(1.0, watts=100.0)
        self.clock.step(60.0)
        self.record(1.0, watts=100.0)
        self.clock.step(-60.0)

        latest = [self.record(59.0, watts=100.0) for _ in range(12)][-1]

        self.assertEqual(first.register, latest.register)

    def test_first_reading_dates_the_register(self):
        self.configure('p', 'q')
        self.clock.step(3600.0)

        latest = self.record(1.0, 'q', watts=1.0)

        self.assertIsNone(latest.after)
        self.assertEqual(round(self.clock.timestamp * 1000), latest.timestamp)

    def test_clock_that_is_not_synchronized_is_published(self):
        self.clock.synced = False

        self.assertFalse(self.record(1.0, watts=1.0).synced)

    def test_machine_that_went_back_in_time_gets_a_new_register(self):
        # Given a copy of the process that continues after another boot,
        self.clock.restore(10.0)

        marks = self.registers.record(
            measurement.Reading('p', 100.0), self.clock.now()
        )
        first = self.record(1.0, watts=100.0)
        second = self.record(1.0, watts=100.0)

        # then nothing is metered across the break.
        self.assertEqual([self.last._replace(watts=None, is_mark=True)], marks)
        self.assertEqual(
            measurement.Predecessor(self.last.register.id, 2000), first.after
        )
        self.assertEqual((0, 100_000), (first.millijoules, second.millijoules))
        self.assertIn('went back in time', self.log.output)

    def test_reading_from_before_the_break_is_ignored(self):
        earlier = self.clock.advance(1.0)
        self.clock.restore(10.0)
        self.registers.record(
            measurement.Reading('p', 100.0), self.clock.now()
        )

        self.assertEqual(
            [],
            self.registers.record(measurement.Reading('p', 100.0), earlier),
        )

    def test_register_ends_long_before_its_energy_is_too_large(self):
        self.useFixture(
            fixtures.MockPatchObject(metering, 'MAX_MILLIJOULES', 150_000)
        )
        full = self.record(1.0, watts=100.0)

        latest = self.record(1.0, watts=100.0)

        self.assertEqual(200_000, full.millijoules)
        self.assertEqual(100_000, latest.millijoules)
        self.assertEqual(
            measurement.Predecessor(full.register.id, full.elapsed),
            latest.after,
        )


#: What happens to an agent before its next reading: the wall clock steps, the
#: machine is suspended, or the agent is restarted.
EVENTS = strategies.one_of(
    strategies.tuples(
        strategies.just('step'),
        strategies.sampled_from([-3600.0, -1.5, -0.4, 0.4, 1.5, 60.0, 3600.0]),
    ),
    strategies.tuples(
        strategies.just('suspend'), strategies.floats(1.0, 3600.0)
    ),
    strategies.tuples(strategies.just('restart'), strategies.just(0.0)),
    strategies.none(),
    strategies.none(),
)


class History:
    """Registers of one probe through steps, suspensions and restarts.

    :ivar measurements: by register, in order of opening.
    :ivar opened_after_steps_at: for each run of the agent, the boot times at
        which registers followed a step.
    :ivar joules: energy that a meter without registers would show.
    """

    def __init__(self, case):
        self.case = case
        self.clock = clocks.Clock()
        self.measurements = {}
        self.opened_after_steps_at = []
        self.errors_s = []
        self.joules = 0.0
        self.start({})

    def start(self, ended):
        self.registers = self.case.make(ended)
        self.registers.configure([settings('p')], self.clock.now())
        self.power = power_integrator.PowerIntegrator(60.0)
        self.is_started = True
        self.opened_after_steps_at.append([])

    def apply(self, event):
        name, seconds = event or (None, 0.0)
        if name == 'step':
            self.clock.step(seconds)
        elif name == 'suspend':
            self.clock.suspend(seconds)
        elif name == 'restart':
            state = self.registers.state(self.clock.now())
            self.start(
                {
                    **state.ended,
                    **{
                        latest.probe.id: measurement.Predecessor(
                            latest.register.id, elapsed
                        )
                        for latest, elapsed in state.open
                    },
                }
            )

    def read(self, pause, watts):
        now = self.clock.advance(pause)
        reading = measurement.Reading('p', watts)
        *marks, latest = self.registers.record(reading, now)
        self.joules += self.power.add(reading, now.boottime).joules
        if latest.register not in self.measurements and not self.is_started:
            self.opened_after_steps_at[-1].append(now.boottime)
        self.is_started = False
        for each in (*marks, latest):
            self.measurements.setdefault(each.register, []).append(each)
        if latest.synced:
            self.errors_s.append(latest.timestamp / 1000 - now.timestamp)


class HistoryTest(RegistersTestCase):
    """Whatever happens, registers keep energy, dates and order."""

    @hypothesis.given(
        strategies.lists(
            strategies.tuples(
                EVENTS,
                strategies.floats(0.1, 90.0),
                strategies.floats(0.0, 500.0),
            ),
            min_size=1,
            max_size=60,
        )
    )
    def test_registers_of_a_history_are_consistent(self, events):
        history = History(self)
        for event, pause, watts in events:
            history.apply(event)
            history.read(pause, watts)
        registers_in_order = list(history.measurements.values())

        # The registers together have the energy, to a fraction of a mJ that
        # a restart drops.
        restarts = 1 + sum(event == ('restart', 0.0) for event, *_ in events)
        millijoules = sum(
            measurements[-1].millijoules for measurements in registers_in_order
        )
        self.assertTrue(
            -0.001 < history.joules * 1000 - millijoules < restarts + 0.001
        )
        # Whatever has a right clock has the right date.
        self.assertTrue(all(abs(each) <= 1.002 for each in history.errors_s))
        # Steps open at most one register in ten minutes of a run.
        for opened_at in history.opened_after_steps_at:
            for earlier, later in itertools.pairwise(opened_at):
                self.assertGreaterEqual(later - earlier, 600.0)
        # Each register follows the one before, and nothing came after that.
        for previous, following in itertools.pairwise(registers_in_order):
            (after,) = {each.after for each in following}
            self.assertEqual(previous[-1].register.id, after.register)
            self.assertGreaterEqual(after.elapsed, previous[-1].elapsed)

    @hypothesis.given(
        strategies.lists(
            strategies.tuples(
                strategies.floats(-1.2, 1.2), strategies.floats(0.001, 10.0)
            ),
            min_size=1,
            max_size=100,
        )
    )
    def test_each_measurement_gives_the_date_of_the_marks(self, events):
        """Any measurement may be the first that a collector knows."""
        self.registers = self.make(profile_interval=60)
        self.clock = clocks.Clock()
        self.configure('p')

        recorded = []
        for step, pause in events:
            self.clock.step(step)
            recorded += self.registers.record(
                measurement.Reading('p', 100.0), self.clock.advance(pause)
            )

        for _, of_register in itertools.groupby(
            recorded, lambda each: each.register
        ):
            measured = list(of_register)
            (opened,) = {each.timestamp - each.elapsed for each in measured}
            marked = {each.timestamp for each in measured if each.is_mark}
            last = measured[-1].timestamp
            multiples = set(range(-(-opened // 60_000) * 60_000, last, 60_000))
            self.assertLessEqual(multiples, marked)
