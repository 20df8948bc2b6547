# SPDX-License-Identifier: Apache-2.0

"""What an operator should look at.

Alarms concern only registers that are current, so that they end when their
reason ends: the tip or, if there is none, all of the last quarter-hour in
which the probe was metered. A probe that has a tip may not be billed again for
as long as the tip goes on, so nothing that ended before may count.
"""

import collections.abc
import itertools

from energy_meter import measurement
from energy_meter.billing import cells
from energy_meter.billing import curve as billing_curve
from energy_meter.billing import dates
from energy_meter.billing import lines as billing_lines

#: The agent's state was copied while it was running. Both copies may meter.
COPIED_STATE = 'copied_state'
#: Agents that do not know of each other meter the same time.
CONCURRENT_AGENTS = 'concurrent_agents'

#: A probe that moves to another agent is metered by both for less than this.
MAX_HANDOVER_MS = 60_000


def find(
    curves: collections.abc.Iterable[billing_curve.Curve],
    openings: collections.abc.Mapping[measurement.RegisterKey, dates.Opening],
    lines: billing_lines.Lines,
    tip: measurement.RegisterKey | None,
) -> frozenset[str]:
    """Return the names of the alarms of one probe.

    :param curves: all of its registers that are not voided.
    :param tip: the one that can go on without any change to the others.
    :returns: :data:`COPIED_STATE`, :data:`CONCURRENT_AGENTS`, and why
        clocks were corrected (:class:`~energy_meter.billing.dates.Opening`).
    """
    end = max((each.end for each in curves), default=0)
    current = [
        each
        for each in curves
        if tip in (None, each.key) and each.end > end - cells.CELL_MS
    ]
    found = {openings[each.key].correction for each in current}
    if any(each.key in lines.copied for each in current):
        found.add(COPIED_STATE)
    for one, other in itertools.combinations(current, 2):
        both = min(one.end, other.end) - max(one.start, other.start)
        if both < MAX_HANDOVER_MS or lines.are_related(one.key, other.key):
            continue
        is_one_agent = one.key.agent == other.key.agent
        found.add(COPIED_STATE if is_one_agent else CONCURRENT_AGENTS)
    return frozenset(name for name in found if name)
