# SPDX-License-Identifier: Apache-2.0

"""The CPU time of instances is neither lost nor counted twice."""

import collections
import itertools
import random

import hypothesis
from hypothesis import strategies
from oslotest import base

from energy_meter import cpu_usage
from energy_meter import measurement
from energy_meter.agent import marker
from energy_meter.bus import layouts
from energy_meter.tests import hosts
from energy_meter.tests import usages


def by_register(measured):
    """Return the marks of each register, by elapsed time."""
    marks = collections.defaultdict(list)
    for each in measured:
        if each.is_mark:
            marks[each.register].append(each)
    return {
        key: sorted(found, key=lambda each: each.elapsed)
        for key, found in marks.items()
    }


def computed(marks):
    """Return what each instance computed between marks of one register."""
    total = collections.Counter()
    for before, after in itertools.pairwise(marks):
        increments = cpu_usage.increments(before.usage, after.usage)
        for instance, cpu in zip(
            after.usage.layout.instances, increments, strict=True
        ):
            total[instance.uuid] += cpu
    return total


class VectorCase(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.host = hosts.Host()
        self.agent = hosts.Agent(self.host)

    def read(self, seconds=10.0, shares=()):
        """Compute for some ms in each instance, then read the host."""
        self.host.compute(sum(shares) + 10, shares)
        self.agent.read(seconds)

    def marks(self):
        """End the register, and return its marks after the opening."""
        self.agent.stop()
        (found,) = by_register(self.agent.measured).values()
        return found[1:]

    def vectors(self):
        """End the register; return CPU time by instance of each mark."""
        return [
            dict(
                zip(
                    (
                        int(instance.uuid[-12:])
                        for instance in mark.usage.layout.instances
                    ),
                    mark.usage.cpu,
                    strict=True,
                )
            )
            for mark in self.marks()
        ]


class VectorTest(VectorCase):
    def test_instances_begin_with_the_first_reading(self):
        # Given an instance that has run for long,
        self.host.start(1)
        self.host.compute(500_000, [400_000])

        # when it is metered, then only what it computes from then on counts.
        self.read()
        self.read(shares=[3000])
        self.assertEqual([{1: 0}, {1: 3000}], self.vectors())

    def test_instance_that_starts_opens_at_zero_at_the_reading_before(self):
        self.host.start(1)
        self.read()
        self.read(shares=[100])

        # When an instance starts between two readings,
        self.host.start(2)
        self.read(shares=[100, 700])
        self.read(shares=[100, 700])

        # then the reading before is a mark with the old layout.
        self.assertEqual([{1: 0}, {1: 100}, {1: 300, 2: 1400}], self.vectors())

    def test_instance_that_stops_ends_with_its_last_reading(self):
        self.host.start(1)
        self.host.start(2)
        self.read()
        self.read(shares=[100, 700])

        self.host.stop(2)
        self.read(shares=[100])

        self.assertEqual(
            [{1: 0, 2: 0}, {1: 100, 2: 700}, {1: 200}], self.vectors()
        )

    def test_instance_that_returns_begins_again(self):
        self.host.start(1)
        self.read()
        self.read(shares=[700])
        self.host.stop(1)
        self.read()

        self.host.start(1)
        self.read(shares=[300])

        self.assertEqual([{1: 0}, {1: 700}, {}, {1: 300}], self.vectors())

    def test_restarted_process_is_added(self):
        # Given an instance that restarts between two readings,
        self.host.start(1)
        self.read()
        self.read(shares=[700])
        self.host.start(1)
        self.read(shares=[300])

        # then it is the same instance.
        self.assertEqual([{1: 0}, {1: 1000}], self.vectors())

    def test_resize_applies_from_the_reading_before(self):
        self.host.start(1, vcpus=2)
        self.read()
        self.read()
        self.host.change(1, vcpus=4)
        self.read(shares=[100])

        self.assertEqual(
            [(10_000, 2), (20_000, 2), (30_000, 4)],
            [
                (mark.elapsed, mark.usage.layout.instances[0].vcpus)
                for mark in self.marks()
            ],
        )

    def test_device_changes_hands_at_the_reading_before(self):
        self.host.start(1)
        self.host.start(2)
        self.host.give(1)
        self.read(20)
        self.read(20)
        self.host.give(2)
        self.read(20)

        marks = self.marks()

        self.assertEqual(
            [
                (20_000, usages.uuid(1)),
                (40_000, usages.uuid(1)),
                (60_000, usages.uuid(2)),
            ],
            [
                (mark.elapsed, mark.usage.layout.devices[0].instance)
                for mark in marks
            ],
        )

    def test_multiple_of_the_interval_is_interpolated(self):
        self.host.start(1)
        # The clock starts 20 s after a minute began.
        self.read(35.0)
        self.read(10.0, shares=[1000])

        self.assertEqual(
            [(35_000, (0,)), (40_000, (500,)), (45_000, (1000,))],
            [(mark.elapsed, mark.usage.cpu) for mark in self.marks()],
        )

    def test_process_that_is_older_than_it_can_be_begins_now(self):
        # Given an instance that the driver overlooked for a while,
        self.read()
        self.read()
        self.host.start(1)
        self.host.compute(5_000_000, [4_000_000])
        self.host.busy -= 5_000_000

        # when it is seen for the first time, then what it computed before
        # does not count.
        self.read(shares=[500])
        self.read(shares=[300])

        self.assertEqual([{}, {}, {1: 300}], self.vectors())

    def test_instance_that_is_missing_in_one_reading_keeps_its_process(self):
        # Given an instance that has run for long,
        self.host.start(1)
        self.host.compute(500_000, [400_000])
        self.read()
        self.read(shares=[100])
        present = self.host.reading().usage

        # when the driver overlooks it once,
        self.host.stop(1)
        self.read()
        instance, counter = present.layout.instances[0], present.counters[0]
        self.host._instances[instance.uuid] = instance
        self.host._processes[instance.uuid] = counter
        self.read(shares=[30])

        # then its process does not count again.
        self.assertEqual([{1: 0}, {1: 100}, {}, {1: 30}], self.vectors())

    def test_rejected_reading_of_the_host_is_made_up_later(self):
        self.host.start(1)
        self.read()
        self.read(shares=[100])
        self.host.compute(1000, [500])
        self.agent.read(1.0, is_valid=False)
        self.read(shares=[100])

        self.assertEqual(700, self.vectors()[-1][1])

    def test_vector_stands_still_while_readings_are_rejected(self):
        # Given a counter of the host that is wrong across a minute,
        self.host.start(1)
        self.read()
        self.read(shares=[100])
        for seconds in (15.0, 10.0):
            self.host.compute(1000, [500])
            self.agent.read(seconds, is_valid=False)
        self.read(shares=[100])

        # then both are dated after it.
        marks = {mark.timestamp % 60_000: mark for mark in self.marks()}
        self.assertEqual((100,), marks[0].usage.cpu)
        self.assertEqual(110, marks[0].millijoules)
        self.assertEqual((1200,), marks[15_000].usage.cpu)

    def test_threads_may_be_added(self):
        self.host.start(1)
        self.read()
        self.read()

        # Given a host that gets more CPUs, and uses them,
        self.host.THREADS = 2 * hosts.Host.THREADS
        self.read()
        self.read(shares=[150_000])

        # then that is not too much.
        *_, last = self.marks()
        self.assertEqual((150_000,), last.usage.cpu)
        self.assertEqual(150_020, last.millijoules)

    def test_other_quantity_opens_a_register(self):
        # Given a probe of CPU time, whose driver is replaced by one of energy,
        self.read()
        self.read()
        energy = measurement.Reading(hosts.PROBE.id, watts=5.0)
        for _ in range(3):
            self.agent.measured += self.agent._registers.record(
                energy, self.agent.clock.advance(10.0)
            )

        # then no register has both.
        quantities = collections.defaultdict(set)
        for each in self.agent.measured:
            quantities[each.register].add(each.usage is None)
        self.assertEqual([{False}, {True}], list(quantities.values()))


class MergingTest(VectorCase):
    def test_storm_of_starts_has_few_marks_and_loses_nothing(self):
        # Given more instances that start and stop than marks are allowed,
        self.read(45.0)
        for number in range(3 * marker.MAX_OFF_GRID_USAGE):
            self.host.start(number)
            self.host.stop(number - 3)
            self.read(0.1, shares=[5, 5, 5])
        for _ in range(5):
            self.read()
        marks = self.marks()

        # then the number of marks is limited, all of their CPU time counts,
        self.assertLess(len(marks), marker.MAX_OFF_GRID_USAGE + 5)
        self.assertEqual(self.host.cpu, computed(marks))

        # and from the next multiple of the interval on, only those that still
        # run are in the layout.
        *_, merged, last = marks
        self.assertEqual(0, merged.timestamp % 60_000)
        self.assertLess(100, len(merged.usage.cpu))
        self.assertEqual(3, len(last.usage.cpu))

    def test_merged_layout_is_bounded(self):
        # Given as many marks as are allowed,
        self.read(45.0)
        for vcpus in range(marker.MAX_OFF_GRID_USAGE):
            self.host.start(1, vcpus=vcpus)
            self.read(0.1)

        # when more instances come and go than a layout may have,
        for first in (0, 700, 1400):
            for number in range(first, first + 700):
                self.host.stop(number - 700)
                self.host.start(number)
            self.read(0.1)

        # then those that are left are preferred.
        *_, last = self.marks()
        layout, cpu = last.usage
        self.assertEqual(layouts.MAX_INSTANCES, len(cpu) + len(layout.devices))
        self.assertLessEqual(
            {usages.uuid(number) for number in range(1400, 2100)},
            {each.uuid for each in layout.instances},
        )

    def test_device_that_changes_hands_between_marks_has_no_instance(self):
        # Given as many marks as are allowed,
        self.host.start(1)
        self.host.start(2)
        self.host.give(1)
        self.read(45.0)
        for vcpus in range(marker.MAX_OFF_GRID_USAGE):
            self.host.start(3, vcpus=vcpus)
            self.read(0.1)

        # when a device changes hands before the next one,
        self.host.give(2)
        for _ in range(5):
            self.read()

        # then neither instance has it until that mark.
        holders = (
            mark.usage.layout.devices[0].instance for mark in self.marks()
        )
        self.assertEqual(
            [usages.uuid(1), None, usages.uuid(2)],
            [holder for holder, _ in itertools.groupby(holders)],
        )


class HistoryTest(base.BaseTestCase):
    @hypothesis.settings(max_examples=60, deadline=None)
    @hypothesis.given(strategies.integers(0, 2**32))
    def test_all_that_was_metered_is_in_the_marks(self, seed):
        # Given any history of instances, restarts, steps and gaps,
        agent = hosts.run(random.Random(seed), 40)

        # then neighboring marks add up to what was read, of the host and of
        # each instance.
        registers = by_register(agent.measured)
        busy = sum(marks[-1].millijoules for marks in registers.values())
        # Rounding of joules may leave 1 ms for the next reading.
        self.assertLessEqual(busy, agent.busy)
        self.assertLessEqual(agent.busy, busy + len(registers))
        total = collections.Counter()
        for marks in registers.values():
            total += computed(marks)
        self.assertEqual(agent.cpu, total)

    @hypothesis.settings(max_examples=60, deadline=None)
    @hypothesis.given(strategies.integers(0, 2**32))
    def test_marks_lie_between_the_readings_around_them(self, seed):
        agent = hosts.run(random.Random(seed), 40)

        for measured in by_register(agent.measured).values():
            for before, after in itertools.pairwise(measured):
                # Layouts are sorted, values never fall, and no instance
                # computes more than its host could.
                uuids = [each.uuid for each in after.usage.layout.instances]
                self.assertEqual(sorted(set(uuids)), uuids)
                increments = cpu_usage.increments(before.usage, after.usage)
                self.assertGreaterEqual(min(increments, default=0), 0)
                self.assertLessEqual(
                    sum(increments),
                    after.millijoules - before.millijoules + len(uuids),
                )

    def test_lost_mark_of_an_instance_that_returned_is_not_negative(self):
        before = usages.usage(500)
        after = usages.usage(300)

        self.assertEqual((300,), cpu_usage.increments(before, after))
