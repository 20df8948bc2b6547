# SPDX-License-Identifier: Apache-2.0

"""Tests of the arithmetic of the fault harness."""

import hypothesis
from hypothesis import strategies
from oslotest import base as test_base

from energy_meter.tests.faults import verdict

WATTS = 100.0
FIRST, SECOND = ('agent', 'first'), ('agent', 'second')

#: Lifetimes of registers of one probe, in seconds.
lives = strategies.dictionaries(
    strategies.tuples(
        strategies.sampled_from('ab'),
        strategies.text('xyz', min_size=1, max_size=2),
    ),
    strategies.floats(0.1, 1e6),
    min_size=1,
    max_size=5,
)
phases = strategies.floats(0, 1)
amounts = strategies.integers(2, 10**9)
#: Beginning and length in whole seconds, so that they can be counted.
intervals = strategies.lists(
    strategies.tuples(strategies.integers(0, 50), strategies.integers(1, 50)),
    min_size=1,
    max_size=5,
)


def lifetimes(seconds, energies=None):
    """Return lifetimes that follow each other.

    :param seconds: lifetime of each register.
    :param energies: millijoules of each register; by default, those of its
        meter.
    """
    since = 0.0
    for key, length in seconds.items():
        energy = (energies or count(seconds, 0.0))[key]
        yield verdict.Lifetime('probe', key, since, length, energy)
        since += length


def judge(seconds, registers, total=None, span=None, energies=None):
    """Judge a meter with one probe.

    :param registers: millijoules billed for each register.
    """
    return verdict.judge(
        lifetimes(seconds, energies),
        {
            'probe': verdict.Bill(
                sum(registers.values()) if total is None else total, registers
            )
        },
        WATTS,
        {'probe': sum(seconds.values()) if span is None else span},
    )


def judge_shared(spans, billed):
    """Judge a probe that two agents meter in these intervals.

    :param billed: millijoules billed for it.
    """
    return verdict.judge(
        [
            verdict.Lifetime(
                'probe', ('agent', str(n)), since, length, length * 100_000
            )
            for n, (since, length) in enumerate(spans)
        ],
        {'probe': verdict.Bill(billed, {FIRST: billed})},
        WATTS,
        {},
        {'probe'},
    )


def count(seconds, phase):
    """Return the increase of a millijoule counter in these seconds.

    :param phase: fraction of its step at the first reading.
    """
    return {
        key: int(phase + length * WATTS * 1000) - int(phase)
        for key, length in seconds.items()
    }


class VerdictTest(test_base.BaseTestCase):
    @hypothesis.given(lives, phases)
    def test_exact_bill_has_no_cost(self, seconds, phase):
        energies = count(seconds, phase)

        found = judge(seconds, energies, energies=energies)

        self.assertEqual((0, 0), (found.lost, found.doubled))

    @hypothesis.given(lives, amounts)
    def test_missing_energy_is_lost(self, seconds, amount):
        registers = count(seconds, 0.0)
        registers[next(iter(registers))] -= amount

        found = judge(seconds, registers)

        self.assertEqual((amount, 0), (found.lost, found.doubled))

    @hypothesis.given(lives, amounts)
    def test_excess_energy_is_doubled(self, seconds, amount):
        registers = count(seconds, 0.0)
        registers[next(iter(registers))] += amount

        found = judge(seconds, registers)

        self.assertEqual((0, amount), (found.lost, found.doubled))

    @hypothesis.given(strategies.integers(-(10**6), 10**6))
    def test_agent_must_agree_with_its_meter(self, amount):
        hypothesis.assume(abs(amount) > 250)
        registers = {FIRST: 10**7 + amount}

        found = judge({FIRST: 100.0}, registers, energies=registers)

        self.assertEqual(amount, found.doubled - found.lost)

    @hypothesis.given(amounts)
    def test_loss_and_excess_do_not_offset_each_other(self, amount):
        seconds = {FIRST: 1e5, SECOND: 1e5}
        registers = {FIRST: 10**10 - amount, SECOND: 10**10 + amount}

        found = judge(seconds, registers)

        self.assertEqual((amount, amount), (found.lost, found.doubled))

    @hypothesis.given(strategies.integers(1, 10**9))
    def test_total_must_be_the_sum_of_the_registers(self, amount):
        seconds, registers = {FIRST: 1e5}, {FIRST: 10**10}

        less = judge(seconds, registers, total=10**10 - amount)
        more = judge(seconds, registers, total=10**10 + amount)

        self.assertEqual((amount, 0), (less.lost, less.doubled))
        self.assertEqual((0, amount), (more.lost, more.doubled))

    def test_register_missing_in_the_database_is_lost(self):
        found = judge({FIRST: 1.0, SECOND: 2.0}, {FIRST: 100_000})

        self.assertEqual((200_000, 0), (found.lost, found.doubled))

    def test_register_without_a_meter_is_doubled(self):
        found = judge({FIRST: 1.0}, {FIRST: 100_000, SECOND: 7_000})

        self.assertEqual((0, 7_000), (found.lost, found.doubled))

    def test_probe_without_a_bill_is_lost(self):
        found = verdict.judge(lifetimes({FIRST: 1.0}), {}, WATTS, {})

        self.assertEqual((100_000, 100_000), (found.metered, found.lost))

    def test_unpublished_energy_of_a_killed_agent_is_reported_separately(self):
        found = verdict.judge(
            [
                verdict.Lifetime('probe', FIRST, 0.0, 1.0, 100_000, 0.25),
                verdict.Lifetime('probe', SECOND, 2.0, 2.0, 200_000),
            ],
            {
                'probe': verdict.Bill(
                    300_000, {FIRST: 100_000, SECOND: 200_000}
                )
            },
            WATTS,
            {'probe': 4.0},
        )

        self.assertEqual(verdict.Verdict(325_000, 25_000, 0, 0, 0.75), found)

    def test_uncovered_time_is_reported_and_is_not_a_loss(self):
        found = judge(
            {FIRST: 1.0, SECOND: 2.0},
            {FIRST: 100_000, SECOND: 200_000},
            span=5.0,
        )

        self.assertEqual(
            (0, 0, 2.0), (found.lost, found.doubled, found.uncovered)
        )

    def test_energy_shown_beyond_the_bill_is_neither_lost_nor_doubled(self):
        found = verdict.judge(
            lifetimes({FIRST: 1.0}),
            {'probe': verdict.Bill(100_000, {FIRST: 100_000}, ahead=7)},
            WATTS,
            {},
        )

        self.assertEqual(verdict.Verdict(100_000, 0, 0, 0, 0.0, 7), found)

    def test_energy_that_no_interval_has_is_undated(self):
        for intervals, undated in (
            ([40_000, 60_000], 0),
            ([40_000, 59_999], 1),
            ([40_000, 60_001], 1),
            ([100_002, -2], 2),
        ):
            bill = verdict.Bill(100_000, {FIRST: 100_000}, 0, intervals)

            found = verdict.judge(
                lifetimes({FIRST: 1.0}), {'probe': bill}, WATTS, {}
            )

            self.assertEqual(undated, found.undated)

    @hypothesis.given(intervals, strategies.integers(-(10**6), 10**6))
    def test_each_instant_of_a_shared_probe_is_due_once(self, spans, excess):
        due = 100_000 * len(
            {
                second
                for since, length in spans
                for second in range(since, since + length)
            }
        )

        found = judge_shared(spans, due + excess)

        self.assertEqual(due, found.metered)
        self.assertEqual(
            (max(0, -excess), max(0, excess)), (found.lost, found.doubled)
        )
