# SPDX-License-Identifier: Apache-2.0

"""Computes what is to be settled of one probe, without the database."""

import collections
import collections.abc
import dataclasses

from energy_meter import measurement
from energy_meter.billing import bill
from energy_meter.billing import cells
from energy_meter.billing import curve
from energy_meter.billing import dates
from energy_meter.billing import history
from energy_meter.billing import lines
from energy_meter.db import histories as db_histories
from energy_meter.db import marks
from energy_meter.db import schema
from energy_meter.db import settlements

#: Date before all others.
BEGINNING = -(2**62)

_Histories = list[history.RegisterHistory]


class Registers:
    """The registers of one probe, and what changed since the last settling.

    :ivar rows: the rows of the registers.
    :ivar histories: what is known of each, in the same order, at first
        without marks. One that is dated before the horizon when it is first
        known is not billed, like one that is void.
    :ivar is_line: whether they form one line, so that no date matters.
    """

    def __init__(self, rows: list[db_histories.Row], db_now: int) -> None:
        self.rows = rows
        self.histories: _Histories = [
            db_histories.to_history(row) for row in rows
        ]
        related = lines.Lines(self.histories)
        self.openings = dates.openings(self.histories, related)
        self.expired = {
            known.key
            for row, known in zip(rows, self.histories, strict=True)
            if row.role == schema.Role.UNBILLED
            and self._end(known) < db_now - marks.HORIZON_MS
        }
        self.histories = [
            dataclasses.replace(known, voided=True)
            if known.key in self.expired
            else known
            for known in self.histories
        ]
        self.is_line = related.is_one_line(
            known.key for known in self.histories if not known.voided
        )

    def changed_since(self) -> int:
        """Return the date from which what is billed may have changed.

        It is that of the last point before the change, as far as the marks
        are loaded. If the date of an opening moved, all of the register
        changed. If a register changed, those that claim to follow it may
        relate to others than before.
        """
        changed = [max(map(self._end, self.histories), default=BEGINNING)]
        successors = collections.defaultdict(list)
        for row, known in zip(self.rows, self.histories, strict=True):
            if known.after is not None:
                previous = known.key._replace(id=known.after.register)
                successors[previous].append(known.key)
            opened = self.openings[known.key].opened
            if row.opened is not None and row.opened != opened:
                changed.append(min(row.opened, opened))
        for row, known in zip(self.rows, self.histories, strict=True):
            if row.dirty:
                changed.append(self._changed(row, known))
                changed += [
                    self.openings[key].opened
                    for key in _followers(known.key, successors)
                ]
        return min(changed)

    def _changed(
        self, row: db_histories.Row, known: history.RegisterHistory
    ) -> int:
        """Return the date from which the curve of a register changed."""
        opened = self.openings[known.key].opened
        if row.opened is None:
            return opened
        points = (known.base, *known.marks)
        return opened + max(
            (
                point.elapsed
                for point in points
                if point.elapsed <= row.settled_until
            ),
            default=0,
        )

    def _end(self, known: history.RegisterHistory) -> int:
        return self.openings[known.key].opened + known.last.elapsed


def _followers(
    key: measurement.RegisterKey,
    successors: collections.abc.Mapping[
        measurement.RegisterKey, list[measurement.RegisterKey]
    ],
) -> set[measurement.RegisterKey]:
    """Return the registers that claim to follow one, directly or not."""
    found: set[measurement.RegisterKey] = set()
    waiting = [key]
    while waiting:
        for follower in successors.get(waiting.pop(), ()):
            if follower not in found:
                found.add(follower)
                waiting.append(follower)
    return found
