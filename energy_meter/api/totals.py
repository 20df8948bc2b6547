# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License. You may obtain
# a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
# WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
# License for the specific language governing permissions and limitations
# under the License.

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
