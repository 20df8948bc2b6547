# SPDX-License-Identifier: Apache-2.0

"""Formulas that divide the energy of a host, written from documentation.

Each gets the same readings, and the energy at the wall instead of that of the
processor.
"""

import collections.abc
import itertools
import typing

from benchmarks.attribution import host
from benchmarks.attribution.host import Energy
from benchmarks.attribution.host import Reading
from benchmarks.attribution.host import Truth
from energy_meter import cpu_usage
from energy_meter.billing import attribution
from energy_meter.billing import attribution_methods
from energy_meter.billing import host_usage
from energy_meter.billing import idle_power
from energy_meter.billing import profile

_INTERVAL_S = 900


class Usage(typing.NamedTuple):
    """Difference of two readings.

    :ivar joules: energy of the host.
    :ivar busy: CPU seconds of the host.
    :ivar seconds: time between both.
    :ivar threads: CPU threads of the host.
    :ivar memory: memory of the host, in the unit of the instances'.
    :ivar used: CPU seconds of each instance.
    """

    joules: float
    busy: float
    seconds: float
    threads: int
    memory: int
    used: dict[cpu_usage.Instance, float]

    @property
    def capacity(self) -> float:
        """CPU seconds that the host has."""
        return self.threads * self.seconds


Formula = collections.abc.Callable[[Usage], Truth]


def kepler(usage: Usage) -> Truth:
    """Divide the busy share of the energy by CPU time (Kepler 0.10)."""
    active = usage.joules * min(usage.busy / usage.capacity, 1.0)
    return {
        each.uuid: Energy(0.0, active * cpu / usage.busy)
        for each, cpu in usage.used.items()
    }


def scaphandre(usage: Usage) -> Truth:
    """Multiply the energy by the share of all CPU time (Scaphandre 1.0)."""
    return {
        each.uuid: Energy(0.0, usage.joules * cpu / usage.capacity)
        for each, cpu in usage.used.items()
    }


def cpu_time(usage: Usage) -> Truth:
    """Divide all energy by busy CPU time."""
    return {
        each.uuid: Energy(0.0, usage.joules * cpu / usage.busy)
        for each, cpu in usage.used.items()
    }


def ceems(usage: Usage) -> Truth:
    """Divide 90 % by busy CPU time, and 10 % equally (CEEMS, no RAPL)."""
    return {
        each.uuid: Energy(
            0.1 * usage.joules / len(usage.used),
            0.9 * usage.joules * cpu / usage.busy,
        )
        for each, cpu in usage.used.items()
    }


def leaf(usage: Usage) -> Truth:
    """Add a reserved share of Kepler's idle energy (LEAF, SCS-0414)."""
    idle = usage.joules * (1 - min(usage.busy / usage.capacity, 1.0))
    return {
        each.uuid: Energy(
            idle
            * (each.vcpus / usage.threads + each.memory / usage.memory)
            / 2,
            usage.joules * cpu / usage.capacity,
        )
        for each, cpu in usage.used.items()
    }


FORMULAS: dict[str, Formula] = {
    'Kepler': kepler,
    'Scaphandre': scaphandre,
    'CPU time': cpu_time,
    'CEEMS': ceems,
    'LEAF': leaf,
}


def apply(formula: Formula, readings: list[Reading]) -> list[Truth]:
    """Return what a formula attributes in each quarter-hour."""
    results: list[Truth] = []
    for before, after in itertools.pairwise(readings):
        if before.second % _INTERVAL_S == 0:
            results.append({})
        usage = Usage(
            after.joules - before.joules,
            after.busy - before.busy,
            after.second - before.second,
            host.THREADS,
            host.MEMORY,
            {
                each: used - before.instances.get(each, 0.0)
                for each, used in after.instances.items()
            },
        )
        for uuid, part in formula(usage).items():
            known = results[-1].get(uuid, Energy(0.0, 0.0))
            results[-1][uuid] = Energy(
                known.idle + part.idle, known.dynamic + part.dynamic
            )
    return results


def energy_meter(
    readings: list[Reading], watts: float, profile_interval_s: int
) -> list[attribution.Attributed]:
    """Return what energy_meter attributes in each quarter-hour."""
    marks = [*_marks(readings, profile_interval_s)]
    return attribution.attribute(
        [_edge(each) for each in marks],
        range(0, host.DAY_S * 1000 + 1, _INTERVAL_S * 1000),
        [_segment(*ends) for ends in itertools.pairwise(marks)],
        watts,
        lambda _start, _until: profile.Clock(0),
        attribution_methods.ReservedAndCPU,
        None,
    )


def estimate(readings: list[Reading]) -> float:
    """Return the idle power that the quarter-hours show, in W."""
    some = readings[:: _INTERVAL_S // host.READING_S]
    found = idle_power.estimate(
        [
            idle_power.Load(
                (after.joules - before.joules) / _INTERVAL_S,
                (after.busy - before.busy) / _INTERVAL_S,
            )
            for before, after in itertools.pairwise(some)
        ]
    )
    return found.watts if found else 0.0


def _marks(
    readings: list[Reading], profile_interval_s: int
) -> collections.abc.Iterator[Reading]:
    """Yield the readings that an agent publishes as marks."""
    for reading, after in itertools.pairwise(readings):
        if (
            reading.second % profile_interval_s == 0
            or reading.instances.keys() != after.instances.keys()
        ):
            yield reading
    yield readings[-1]


def _edge(reading: Reading) -> profile.Edge:
    date = reading.second * 1000
    return profile.Edge(date, round(reading.joules * 1000), date, 0)


def _segment(before: Reading, after: Reading) -> host_usage.Segment:
    instances = sorted(after.instances)
    return host_usage.Segment(
        before.second * 1000,
        after.second * 1000,
        round(after.busy * 1000) - round(before.busy * 1000),
        cpu_usage.Layout(host.THREADS, host.MEMORY, None, tuple(instances)),
        tuple(
            round(after.instances[each] * 1000)
            - round(before.instances.get(each, 0.0) * 1000)
            for each in instances
        ),
        estimated=False,
    )
