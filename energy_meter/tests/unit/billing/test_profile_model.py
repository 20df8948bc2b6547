# SPDX-License-Identifier: Apache-2.0

"""Profiles of histories, checked against a model that knows the true power."""

import itertools
import random

import hypothesis
from hypothesis import strategies
from oslotest import base

from energy_meter.billing import bill as billing
from energy_meter.billing import profile
from energy_meter.tests.model import bus
from energy_meter.tests.model import profiles
from energy_meter.tests.model import world
from energy_meter.tests.unit.billing import test_model
from energy_meter.tests.unit.billing.test_model import GENERATORS


def one_agent(
    generator: random.Random, marks_lost: float = 0.0
) -> world.History:
    """Meter a probe by one agent with restarts, over a bus without faults."""
    of = world.World(generator, generator.randint(1, 3) * world.HOUR)
    # Behind at most: a register that ends before it is heard live is dated by
    # its arrival if that is earlier.
    machine = of.machine('a', generator.randint(-500, 0))
    gaps = of.draw_spans(generator.randrange(3), 20 * world.MINUTE)
    edges = [of.begin, *of.times(generator.randrange(4)), of.end]
    for start, stop in itertools.pairwise(edges):
        if start + world.MINUTE < stop:
            killed = generator.choice([True, False])
            machine.run(start + world.MINUTE, stop, gaps, killed)
    return of.history(bus.Bus(marks_lost=marks_lost))


class ProfileTest(base.BaseTestCase):
    def profile(self, of: world.History) -> profiles.Profile:
        return profiles.Profile(of, billing.bill(of.known), random.Random(1))

    @test_model.settings
    @hypothesis.given(test_model.HISTORIES)
    def test_intervals_add_up_and_are_within_their_uncertainty(
        self, of: world.History
    ) -> None:
        tested = self.profile(of)

        self.assertTrue(tested.adds_up())
        for each in tested.checked():
            self.assertLessEqual(abs(each.error), each.bound, each)

    @test_model.settings
    @hypothesis.given(GENERATORS, strategies.sampled_from([0.7, 1.0]))
    def test_marks_lost_for_good_lose_no_joule(
        self, generator: random.Random, marks_lost: float
    ) -> None:
        of = one_agent(generator, marks_lost)
        hypothesis.assume(of.arrivals)
        tested = self.profile(of)

        # The last measurement of each register has all of its energy.
        energies = sum(known.last.millijoules for known in of.known)
        (whole,) = tested.intervals([tested.dates[0], tested.dates[-1]])
        self.assertEqual(energies, whole.millijoules)
        self.assertEqual(0, whole.uncertain)
        checked = tested.checked()
        self.assertEqual(
            energies, sum(c.interval.millijoules for c in checked)
        )
        for each in checked:
            self.assertLessEqual(abs(each.error), each.bound, each)

    @test_model.settings
    @hypothesis.given(GENERATORS)
    def test_quarter_hours_of_a_healthy_agent_are_certain(
        self, generator: random.Random
    ) -> None:
        of = one_agent(generator)
        hypothesis.assume(of.arrivals)
        tested = self.profile(of)

        for each in tested.intervals(tested.quarters):
            self.assertEqual(0, each.uncertain, each)
            self.assertEqual(profile.Clock(0), each.clock, each)
