# SPDX-License-Identifier: Apache-2.0

"""What the formulas of other systems attribute to the same guests."""

import collections
import itertools

from benchmarks.attribution import formulas
from benchmarks.guests import trace
from energy_meter import cpu_usage
from energy_meter.drivers.libvirt import host


def attribute(
    runs: list[list[trace.Sample]], curve: str, reading_s: int
) -> dict[str, dict[str, float]]:
    """Return the energy of each guest in J, by formula.

    All get the same readings.

    :param runs: samples without gaps.
    :param reading_s: seconds between two readings.
    """
    pairs = [
        pair
        for samples in runs
        for pair in itertools.pairwise(_readings(samples, reading_s))
    ]
    found = {}
    for name, formula in formulas.FORMULAS.items():
        joules: dict[str, float] = collections.defaultdict(float)
        for before, after in pairs:
            for uuid, part in formula(_usage(before, after, curve)).items():
                joules[uuid] += sum(part)
        found[name] = joules
    return found


def _readings(
    samples: list[trace.Sample], reading_s: int
) -> list[trace.Sample]:
    """Return the samples that a system reads."""
    found = [samples[0]]
    for each in samples:
        if each.date >= found[-1].date + 1000 * reading_s:
            found.append(each)
    return found


def _usage(
    before: trace.Sample, after: trace.Sample, curve: str
) -> formulas.Usage:
    return formulas.Usage(
        after.joules[curve] - before.joules[curve],
        (after.busy - before.busy) / 1e6,
        (after.date - before.date) / 1000,
        host.threads(),
        host.memory(),
        {
            cpu_usage.Instance(uuid, '', '', '', '', *flavor, True): (
                after.cpu[uuid] - before.cpu.get(uuid, 0)
            )
            / 1e6
            for uuid, flavor in after.reserved.items()
        },
    )
