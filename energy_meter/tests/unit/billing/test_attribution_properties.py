# SPDX-License-Identifier: Apache-2.0

"""Properties of attribution, for any energy and any usage."""

import fractions
import itertools

import hypothesis
from hypothesis import strategies
from oslotest import base

from energy_meter import cpu_usage
from energy_meter.billing import bill
from energy_meter.billing import host_usage
from energy_meter.billing import profile
from energy_meter.billing import timeline
from energy_meter.tests.unit.billing import hosts
from energy_meter.tests.unit.billing.test_profile_properties import tilings
from energy_meter.tests.unit.billing.test_properties import probes

instances = strategies.builds(
    hosts.instance,
    strategies.sampled_from('abcd'),
    vcpus=strategies.integers(0, 8),
    memory=strategies.integers(0, 16_384),
    is_reserved=strategies.booleans(),
)
#: Probes of devices. Energy of the last one is never known.
PROBES = 'gpu-1', 'gpu-2', 'gpu-3'


@strategies.composite
def layouts(draw):
    """Return a layout; several instances may have several devices."""
    some = draw(strategies.lists(instances, unique_by=lambda each: each.uuid))
    holders = strategies.sampled_from([None, *(each.uuid for each in some)])
    devices = strategies.dictionaries(
        strategies.sampled_from(PROBES), holders, max_size=len(PROBES)
    )
    return cpu_usage.Layout(
        draw(strategies.integers(0, 8)),
        draw(strategies.integers(0, 16_384)),
        draw(strategies.none() | strategies.floats(0, 500)),
        tuple(sorted(some)),
        tuple(map(cpu_usage.Device._make, sorted(draw(devices).items()))),
    )


cpu_times = strategies.integers(0, 3) | strategies.integers(0, 10**9)


@strategies.composite
def usages(draw):
    """Return segments, some next to each other and others after a gap."""
    found = []
    for start, until in itertools.pairwise(draw(tilings)):
        if draw(strategies.booleans()):
            layout = draw(layouts())
            cpu = tuple(draw(cpu_times) for _ in layout.instances)
            found.append(
                host_usage.Segment(
                    start,
                    until,
                    draw(cpu_times),
                    layout,
                    cpu,
                    draw(strategies.booleans()),
                )
            )
    return found


def edges_of(histories, dates):
    result = bill.bill(histories)
    line = timeline.Timeline(histories, result.openings, result.overlaps)
    return [line.edge(date) for date in sorted(dates)]


def dates_of(usage, boundaries):
    return {*boundaries} | {
        date for each in usage for date in (each.start, each.until)
    }


def devices_of(histories, dates):
    """Return the energy of two devices: each has that of other registers."""
    return {
        probe: edges_of(histories[place::3], dates)
        for place, probe in enumerate(PROBES[:2])
    }


def exact(edges, usage, idle_watts, devices):
    """Return what instances are due, by rational numbers.

    Written after the rules, without the code that is tested: each piece is
    compared with each segment.
    """
    due = {}
    for (number, (start, until)), each in itertools.product(
        enumerate(itertools.pairwise(edges)), usage
    ):
        if not each.start <= start.date < each.until:
            continue
        energy = until.millijoules - start.millijoules
        for probe, uuid in each.layout.devices:
            if probe in devices:
                first, last = devices[probe][number : number + 2]
                used = min(energy, last.millijoules - first.millijoules)
                energy -= used
                due[uuid] = due.get(uuid, 0) + used
        watts = each.layout.idle_watts
        watts = idle_watts if watts is None else watts
        idle = min(energy, int(watts * (until.date - start.date)))
        some = [one for one in each.layout.instances if one.is_reserved]
        vcpus = max(each.layout.threads, sum(one.vcpus for one in some))
        memory = max(each.layout.memory, sum(one.memory for one in some))
        busy = max(each.busy, sum(each.cpu))
        for one, cpu in zip(each.layout.instances, each.cpu, strict=True):
            part = fractions.Fraction(0)
            if one.is_reserved and vcpus:
                part += fractions.Fraction(idle * one.vcpus, 2 * vcpus)
            if one.is_reserved and memory:
                part += fractions.Fraction(idle * one.memory, 2 * memory)
            if busy:
                part += fractions.Fraction((energy - idle) * cpu, busy)
            due[one.uuid] = due.get(one.uuid, 0) + part
    return due


idle_powers = strategies.floats(0, 1000)


class AttributionTest(base.BaseTestCase):
    @hypothesis.given(probes(), probes(), usages(), tilings, idle_powers)
    def test_nothing_is_lost_and_nothing_is_negative(
        self, histories, others, usage, boundaries, idle_watts
    ):
        dates = dates_of(usage, boundaries)
        edges = edges_of(histories, dates)
        devices = devices_of(others, dates)

        found = hosts.attribute(edges, boundaries, usage, idle_watts, devices)

        for each in found:
            self.assertEqual(each.energy.millijoules, hosts.total(each))
            self.assertGreaterEqual(min(each[2:]), 0)
            self.assertLessEqual(each.covered, each.energy.metered)
            for part in each.instances.values():
                self.assertGreaterEqual(min(part), 0)
                self.assertLessEqual(
                    part.present, each.energy.until - each.energy.start
                )

    @hypothesis.given(probes(), probes(), usages(), tilings, idle_powers)
    def test_each_instance_has_what_it_is_due(
        self, histories, others, usage, boundaries, idle_watts
    ):
        dates = dates_of(usage, boundaries)
        edges = edges_of(histories, dates)
        devices = devices_of(others, dates)
        whole = [min(dates), max(dates)]

        (found,) = hosts.attribute(edges, whole, usage, idle_watts, devices)

        due = exact(edges, usage, idle_watts, devices)
        # What devices that no instance had needed is idle energy.
        due.pop(None, None)
        self.assertLessEqual(due.keys(), found.instances.keys())
        # Two numbers of each piece are rounded.
        for uuid, energy in due.items():
            error = found.instances[uuid].millijoules - energy
            self.assertLessEqual(abs(error), 2 * len(edges))

    @hypothesis.given(probes(), probes(), usages(), tilings, idle_powers)
    def test_energy_of_an_unknown_device_is_uncertain(
        self, histories, others, usage, boundaries, idle_watts
    ):
        dates = dates_of(usage, boundaries)
        edges = edges_of(histories, dates)
        devices = devices_of(others, dates)
        whole = [min(dates), max(dates)]

        (found,) = hosts.attribute(edges, whole, usage, idle_watts, devices)

        # If the last device had any energy, no instance would have more or
        # less than what is uncertain.
        last = {PROBES[2]: edges_of(others[2::3], dates)}
        due = exact(edges, usage, idle_watts, devices | last)
        for uuid, part in found.instances.items():
            error = part.millijoules - due.get(uuid, 0)
            self.assertLessEqual(abs(error), part.uncertain + 2 * len(edges))

    @hypothesis.given(probes(), probes(), usages(), tilings, idle_powers)
    def test_short_intervals_add_up_to_a_long_one(
        self, histories, others, usage, boundaries, idle_watts
    ):
        dates = dates_of(usage, boundaries)
        edges = edges_of(histories, dates)
        devices = devices_of(others, dates)
        ends = [boundaries[0], boundaries[-1]]

        parts = hosts.attribute(edges, boundaries, usage, idle_watts, devices)

        (whole,) = hosts.attribute(edges, ends, usage, idle_watts, devices)
        for number in range(2, len(whole)):
            self.assertEqual(
                whole[number], sum(each[number] for each in parts)
            )
        for uuid, part in whole.instances.items():
            some = [
                each.instances[uuid]
                for each in parts
                if uuid in each.instances
            ]
            for name in ('idle', 'dynamic', 'device', 'metered', 'present'):
                self.assertEqual(
                    getattr(part, name),
                    sum(getattr(each, name) for each in some),
                )

    @hypothesis.given(
        probes(), usages(), tilings, idle_powers, strategies.randoms()
    )
    def test_order_of_arrival_does_not_matter(
        self, histories, usage, boundaries, idle_watts, random
    ):
        dates = dates_of(usage, boundaries)
        shuffled = random.sample(histories, len(histories))

        found = hosts.attribute(
            edges_of(shuffled, dates), boundaries, usage, idle_watts
        )

        self.assertEqual(
            hosts.attribute(
                edges_of(histories, dates), boundaries, usage, idle_watts
            ),
            found,
        )


#: Length of the times in which usage is constant, in ms.
SLOT = 1000
IDLE_WATTS = 50
#: Dynamic power of a busy CPU in W.
CPU_WATTS = 3

#: CPU times of instances a and b, and of the host itself, in ms.
slots = strategies.tuples(*[strategies.integers(0, 4 * SLOT)] * 3)


class LinearHostTest(base.BaseTestCase):
    """A host whose dynamic power is proportional to its busy CPUs."""

    def edges(self, history):
        found, energy = [], 0
        for number, used in enumerate([*history, (0, 0, 0)]):
            date = number * SLOT
            found.append(profile.Edge(date, energy, date, 0))
            energy += IDLE_WATTS * SLOT + CPU_WATTS * sum(used)
        return found

    def usage(self, history, marks):
        some = [hosts.instance('a'), hosts.instance('b')]
        return [
            hosts.segment(
                start * SLOT,
                until * SLOT,
                sum(map(sum, history[start:until])),
                *(
                    (each, sum(used[place] for used in history[start:until]))
                    for place, each in enumerate(some)
                ),
            )
            for start, until in itertools.pairwise(marks)
        ]

    @hypothesis.given(
        strategies.lists(slots, min_size=2, max_size=12), strategies.data()
    )
    def test_error_is_at_most_what_is_uncertain(self, history, data):
        numbers = range(len(history) + 1)
        inner = strategies.sets(strategies.sampled_from(numbers))
        ends = {numbers[0], numbers[-1]}
        marks = sorted(ends | data.draw(inner))
        boundaries = sorted(ends | data.draw(inner))

        found = hosts.attribute(
            self.edges(history),
            [each * SLOT for each in boundaries],
            self.usage(history, marks),
            IDLE_WATTS,
        )

        for each, (start, until) in zip(
            found, itertools.pairwise(boundaries), strict=True
        ):
            for place, uuid in enumerate('ab'):
                part = each.instances[uuid]
                truth = CPU_WATTS * sum(
                    used[place] for used in history[start:until]
                )
                self.assertLessEqual(
                    abs(part.dynamic - truth), part.uncertain + len(history)
                )
                if {start, until} <= {*marks}:
                    self.assertEqual(0, part.uncertain)
