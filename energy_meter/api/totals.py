# SPDX-License-Identifier: Apache-2.0

"""Which probes make up the sum of all power."""

import collections.abc

from energy_meter.db import probes


def counted(
    states: collections.abc.Collection[probes.ProbeState],
    scopes: collections.abc.Sequence[str],
) -> set[str]:
    """Choose the probes whose sum is all power, nothing counted twice.

    Of each host these are its sums, or the probes of one scope. Parts of a
    sum never count.

    :param scopes: the first counts that the host has.
    :returns: their ids.
    """
    rank = {scope: number for number, scope in enumerate(scopes)}
    parts = {part for state in states for part in state.parts}
    hosts: dict[str, dict[int, list[str]]] = {}
    for state in states:
        if state.id not in parts:
            place = -1 if state.parts else rank.get(state.scope, len(rank))
            hosts.setdefault(state.host, {}).setdefault(place, []).append(
                state.id
            )
    return {
        probe for groups in hosts.values() for probe in groups[min(groups)]
    }
