# SPDX-License-Identifier: Apache-2.0

"""The energy of a host belongs to its instances; each example by hand."""

from oslotest import base

from energy_meter.billing import attribution
from energy_meter.billing import profile
from energy_meter.tests.unit.billing import hosts
from energy_meter.tests.unit.billing.hosts import edges
from energy_meter.tests.unit.billing.hosts import instance
from energy_meter.tests.unit.billing.hosts import segment

A = instance('a', vcpus=2, memory=2048)
B = instance('b', vcpus=1, memory=4096)


class SharesTest(base.BaseTestCase):
    """One second of a host at 200 W that needs 100 W when it is idle."""

    def attribute(self, usage, watts=200):
        (found,) = hosts.attribute(
            edges(watts, [0, 1000]), [0, 1000], [usage], idle_watts=100.0
        )
        self.assertEqual(watts * 1000, hosts.total(found))
        return found

    def test_idle_energy_is_shared_by_vcpus_and_memory_reserved(self):
        found = self.attribute(segment(0, 1000, 0, (A, 0), (B, 0)))

        # A: (2/4 + 2048/8192) / 2 = 3/8; B: (1/4 + 4096/8192) / 2 = 3/8.
        self.assertEqual(37_500, found.instances['a'].idle)
        self.assertEqual(37_500, found.instances['b'].idle)
        self.assertEqual(25_000, found.unallocated)
        self.assertEqual(100_000, found.idle)

    def test_dynamic_energy_is_shared_by_cpu_time(self):
        found = self.attribute(segment(0, 1000, 1000, (A, 500), (B, 250)))

        self.assertEqual(50_000, found.instances['a'].dynamic)
        self.assertEqual(25_000, found.instances['b'].dynamic)
        self.assertEqual(25_000, found.overhead)

    def test_dynamic_energy_is_overhead_if_nothing_computed(self):
        found = self.attribute(segment(0, 1000, 0, (A, 0)))

        self.assertEqual(100_000, found.overhead)

    def test_instances_that_used_more_than_the_host_leave_no_overhead(self):
        # Both are read from different files, at slightly different times.
        found = self.attribute(segment(0, 1000, 700, (A, 600), (B, 200)))

        self.assertEqual(75_000, found.instances['a'].dynamic)
        self.assertEqual(25_000, found.instances['b'].dynamic)
        self.assertEqual(0, found.overhead)

    def test_overcommitted_host_leaves_nothing_unallocated(self):
        huge = instance('huge', vcpus=6, memory=6144)

        found = self.attribute(segment(0, 1000, 0, (A, 0), (huge, 0)))

        self.assertEqual(25_000, found.instances['a'].idle)
        self.assertEqual(75_000, found.instances['huge'].idle)
        self.assertEqual(0, found.unallocated)

    def test_instance_that_is_shut_off_has_no_idle_energy(self):
        off = A._replace(is_reserved=False)

        found = self.attribute(segment(0, 1000, 0, (off, 0)))

        self.assertEqual((0, 0), found.instances['a'][:2])
        self.assertEqual('attributed', found.instances['a'].quality)
        self.assertEqual(100_000, found.unallocated)

    def test_energy_below_the_idle_power_is_idle(self):
        found = self.attribute(segment(0, 1000, 1000, (A, 1000)), watts=90)

        self.assertEqual(90_000, found.idle)
        self.assertEqual(0, found.instances['a'].dynamic)

    def test_configured_idle_power_wins(self):
        configured = hosts.HOST._replace(idle_watts=150.5)

        found = self.attribute(
            segment(0, 1000, 1000, (A, 1000), host=configured)
        )

        self.assertEqual(150_500, found.idle)

    def test_empty_host_is_overhead_and_unallocated(self):
        found = self.attribute(segment(0, 1000, 300))

        self.assertEqual({}, found.instances)
        self.assertEqual(100_000, found.overhead)
        self.assertEqual(100_000, found.unallocated)

    def test_host_of_unknown_capacity_belongs_to_its_instances(self):
        unknown = hosts.HOST._replace(threads=0, memory=0)

        found = self.attribute(segment(0, 1000, 0, (A, 0), host=unknown))

        self.assertEqual(100_000, found.instances['a'].idle)


class RoundingTest(base.BaseTestCase):
    def test_millijoule_left_belongs_to_the_first_uuid(self):
        three = [(instance(uuid), 1) for uuid in 'cab']

        (found,) = hosts.attribute(
            edges(100, [0, 1]), [0, 1], [segment(0, 1, 3, *three)]
        )

        self.assertEqual(
            {'a': 34, 'b': 33, 'c': 33},
            {uuid: part.dynamic for uuid, part in found.instances.items()},
        )

    def test_idle_energy_is_rounded_down(self):
        (found,) = hosts.attribute(
            edges(100, [0, 1]), [0, 1], [segment(0, 1, 0)], idle_watts=1.9
        )

        self.assertEqual((1, 99), (found.unallocated, found.overhead))


class PiecesTest(base.BaseTestCase):
    def test_usage_in_a_half_without_energy_costs_nothing(self):
        # A computes while the meter works, B while it does not.
        (found,) = hosts.attribute(
            edges(100, [0, 500, 1000], gaps=[500]),
            [0, 1000],
            [
                segment(0, 500, 500, (A, 500), (B, 0)),
                segment(500, 1000, 500, (A, 0), (B, 500)),
            ],
        )

        self.assertEqual(50_000, found.instances['a'].millijoules)
        self.assertEqual(0, found.instances['b'].millijoules)

    def test_instance_that_starts_pays_from_then_on(self):
        (found,) = hosts.attribute(
            edges(100, [0, 800, 1000]),
            [0, 1000],
            [
                segment(0, 800, 400, (A, 400)),
                segment(800, 1000, 100, (A, 50), (B, 50)),
            ],
            idle_watts=50.0,
        )

        # The last 200 ms have 10 J idle, of which B has 3/8, and 10 J more,
        # of which B has one half.
        self.assertEqual(
            attribution.Part(3750, 5000, 0, 200, 200), found.instances['b']
        )
        self.assertEqual(
            attribution.Part(18_750, 45_000, 0, 1000, 1000),
            found.instances['a'],
        )

    def test_intervals_add_up_to_that_of_both(self):
        dates = [0, 333, 500, 1000]
        usage = [segment(0, 333, 7, (A, 3)), segment(333, 1000, 7, (A, 5))]

        first, second = hosts.attribute(
            edges(77, dates), [0, 500, 1000], usage, 33.3
        )
        (both,) = hosts.attribute(edges(77, dates), [0, 1000], usage, 33.3)

        self.assertEqual(both.overhead, first.overhead + second.overhead)
        self.assertEqual(
            both.instances['a'].millijoules,
            first.instances['a'].plus(second.instances['a']).millijoules,
        )

    def test_boundary_without_energy_is_an_error(self):
        self.assertRaises(
            KeyError, hosts.attribute, edges(1, [0, 2]), [0, 1], []
        )


class MissingTest(base.BaseTestCase):
    def test_energy_without_usage_is_unattributed(self):
        (found,) = hosts.attribute(
            edges(100, [0, 600, 1000]), [0, 1000], [segment(0, 600, 1, (A, 1))]
        )

        self.assertEqual(40_000, found.unattributed)
        self.assertEqual(600, found.covered)
        self.assertEqual(1000, found.energy.metered)

    def test_instance_on_both_sides_of_a_gap_is_partial(self):
        dates = [0, 400, 600, 1000]
        (found,) = hosts.attribute(
            edges(100, dates),
            [0, 1000],
            [
                segment(0, 400, 1, (A, 1), (B, 0)),
                segment(600, 1000, 1, (A, 1)),
            ],
        )

        self.assertEqual(0.8, found.instances['a'].coverage)
        self.assertEqual('partial', found.instances['a'].quality)
        # B left during the gap; nothing shows that it was there.
        self.assertEqual('attributed', found.instances['b'].quality)

    def test_instance_without_usage_in_an_interval_is_missing(self):
        _, found, _ = hosts.attribute(
            edges(100, [0, 100, 200, 300]),
            [0, 100, 200, 300],
            [segment(0, 100, 1, (A, 1)), segment(200, 300, 1, (A, 1))],
        )

        self.assertEqual(attribution.Part(present=100), found.instances['a'])
        self.assertEqual('missing', found.instances['a'].quality)

    def test_instance_without_energy_is_missing(self):
        (found,) = hosts.attribute(
            edges(100, [0, 100], gaps=[0]),
            [0, 100],
            [segment(0, 100, 1, (A, 1))],
        )

        self.assertEqual('missing', found.instances['a'].quality)

    def test_instance_that_was_never_present_has_no_coverage(self):
        self.assertEqual(0.0, attribution.Part(uncertain=1).coverage)


class UncertainTest(base.BaseTestCase):
    def test_usage_spread_over_a_gap_is_estimated(self):
        (found,) = hosts.attribute(
            edges(100, [0, 1000]),
            [0, 1000],
            [segment(0, 1000, 100, (A, 100), estimated=True)],
            idle_watts=60.0,
        )

        self.assertEqual(40_000, found.instances['a'].uncertain)
        self.assertEqual('estimated', found.instances['a'].quality)

    def test_usage_across_a_boundary_may_be_on_its_other_side(self):
        first, second = hosts.attribute(
            edges(100, [0, 250, 1000]),
            [0, 250, 1000],
            [segment(0, 1000, 100, (A, 100))],
        )

        # 25 J are here and 75 J there: either may be all of it.
        self.assertEqual(75_000, first.instances['a'].uncertain)
        self.assertEqual(75_000, second.instances['a'].uncertain)

    def test_energy_beyond_the_last_edge_is_assumed_to_be_as_much(self):
        (found,) = hosts.attribute(
            edges(100, [0, 250]),
            [0, 250],
            [segment(0, 1000, 100, (A, 100))],
        )

        self.assertEqual(75_000, found.instances['a'].uncertain)

    def test_uneven_energy_across_a_boundary_may_be_on_its_other_side(self):
        # Three quarters of the time have 10 J, and the last one has 90 J.
        uneven = [
            profile.Edge(0, 0, 0, 0),
            profile.Edge(750, 10_000, 750, 0),
            profile.Edge(1000, 100_000, 1000, 0),
        ]

        first, second = hosts.attribute(
            uneven, [0, 750, 1000], [segment(0, 1000, 100, (A, 100))]
        )

        self.assertEqual(90_000, first.instances['a'].uncertain)
        self.assertEqual(90_000, second.instances['a'].uncertain)

    def test_uncertain_energy_of_the_host_is_shared(self):
        before, after = edges(100, [0, 1000])

        (found,) = hosts.attribute(
            [before, after._replace(uncertain=3000)],
            [0, 1000],
            [segment(0, 1000, 100, (A, 60))],
        )

        self.assertEqual(1800, found.instances['a'].uncertain)

    def test_use_after_the_last_reading_is_bounded_by_overhead(self):
        # B stopped between two readings: it is not in the layout any more.
        (found,) = hosts.attribute(
            edges(100, [0, 900, 1000]),
            [0, 1000],
            [
                segment(0, 900, 900, (A, 400), (B, 500)),
                segment(900, 1000, 100, (A, 60)),
            ],
        )

        # 4 of the last 10 J are overhead, and may be those of B.
        self.assertEqual(4000, found.instances['b'].uncertain)
        self.assertEqual(0, found.instances['a'].uncertain)

    def test_use_after_the_last_reading_is_bounded_by_vcpus(self):
        (found,) = hosts.attribute(
            edges(100, [0, 900, 1000]),
            [0, 1000],
            [segment(0, 900, 900, (B, 500)), segment(900, 1000, 400)],
        )

        # Four threads were busy; B has one.
        self.assertEqual(2500, found.instances['b'].uncertain)

    def test_instance_that_shuts_off_may_have_used_more(self):
        off = B._replace(is_reserved=False)

        _, found = hosts.attribute(
            edges(100, [0, 900, 1000]),
            [0, 900, 1000],
            [
                segment(0, 900, 900, (B, 500)),
                segment(900, 1000, 100, (off, 0)),
            ],
        )

        self.assertEqual(10_000, found.instances['b'].uncertain)
        self.assertEqual('estimated', found.instances['b'].quality)

    def test_use_before_a_gap_has_no_bound(self):
        # What was used in the gap is unattributed.
        (found,) = hosts.attribute(
            edges(100, [0, 800, 900, 1000]),
            [0, 1000],
            [segment(0, 800, 900, (B, 500)), segment(900, 1000, 100)],
        )

        self.assertEqual(0, found.instances['b'].uncertain)


class ClockTest(base.BaseTestCase):
    def test_corrected_clocks_are_those_of_the_interval(self):
        clocks = {(0, 1): profile.Clock.STEP, (1, 2): profile.Clock(0)}

        found = attribution.attribute(
            edges(100, [0, 1, 2]),
            [0, 1, 2],
            [],
            0.0,
            lambda start, until: clocks[start, until],
            attribution.attribution_methods.ReservedAndCPU,
            None,
        )

        self.assertEqual(
            [profile.Clock.STEP, profile.Clock(0)],
            [each.energy.clock for each in found],
        )
