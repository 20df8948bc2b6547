# SPDX-License-Identifier: Apache-2.0

"""Selection of the probes whose sum is the power of all hosts."""

import collections.abc

from energy_meter import totals
from energy_meter.rrd.files import index


class Selector:
    """Selects probes once for each index. Thread-safe."""

    def __init__(
        self, scope_precedence: collections.abc.Sequence[str]
    ) -> None:
        self._scope_precedence = scope_precedence
        #: Newest index, and its probes in the sum.
        self._newest: tuple[index.Entries, index.Entries] = ({}, {})

    def select(self, entries: index.Entries) -> index.Entries:
        """Return the probes that add up to all power.

        :param entries: of an index; never changed later.
        """
        known, selected = self._newest
        if known is not entries:
            names = totals.select(
                [_candidate(probe, entry) for probe, entry in entries.items()],
                self._scope_precedence,
            )
            selected = {
                probe: entry
                for probe, entry in entries.items()
                if probe in names
            }
            self._newest = entries, selected
        return selected


def _candidate(probe: str, entry: index.Entry) -> totals.Candidate:
    latest = entry.latest
    if latest is None:
        return totals.Candidate(probe, probe, '')
    return totals.Candidate(
        probe,
        latest.probe.host,
        latest.probe.scope,
        timestamp=latest.timestamp / 1000,
    )
