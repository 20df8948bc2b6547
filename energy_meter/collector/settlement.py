# SPDX-License-Identifier: Apache-2.0

"""Computes what is to be settled of one probe, without the database."""

import collections
import collections.abc
import dataclasses
import typing

import sqlalchemy as sa

from energy_meter import measurement
from energy_meter.billing import bill
from energy_meter.billing import cells
from energy_meter.billing import curve
from energy_meter.billing import dates
from energy_meter.billing import history
from energy_meter.billing import lines
from energy_meter.db import histories as db_histories
from energy_meter.db import marks
from energy_meter.db import packing
from energy_meter.db import schema
from energy_meter.db import settlements

#: Energy in mJ above which no further register of a probe is billed. The sum
#: of a forger's registers must fit into a column.
MAX_MILLIJOULES = 2**62
#: Date before all others.
BEGINNING = -(2**62)

_Histories = list[history.RegisterHistory]


class Registers:
    """The registers of one probe, and what changed since the last settling.

    :ivar rows: the rows of the registers.
    :ivar histories: what is known of each, in the same order, at first
        without marks. Those of ``unbilled`` are not billed, like void ones.
    :ivar unbilled: registers that are dated before the horizon when they are
        first known, or exceed :data:`MAX_MILLIJOULES`.
    :ivar is_line: whether they form one line, so that no date matters.
    :ivar since: date from which the histories have marks; None before they
        have any.
    :ivar horizon: date before which what is billed stays, as marks are packed.
    """

    def __init__(self, rows: list[db_histories.Row], db_now: int) -> None:
        self.rows = rows
        self.histories: _Histories = [
            db_histories.to_history(row) for row in rows
        ]
        related = lines.Lines(self.histories)
        self.since: int | None = None
        self.horizon = packing.horizon(db_now)
        self.openings = dates.openings(self.histories, related)
        self.unbilled = {
            known.key
            for row, known in zip(rows, self.histories, strict=True)
            if row.role == schema.Role.UNBILLED
            and self._end(known) < db_now - marks.HORIZON_MS
        } | self._excess()
        self.histories = [
            dataclasses.replace(known, voided=True)
            if known.key in self.unbilled
            else known
            for known in self.histories
        ]
        self.is_line = related.is_one_line(
            known.key for known in self.histories if not known.voided
        )

    def _excess(self) -> set[measurement.RegisterKey]:
        """Return the registers that take the sum past the maximum."""
        excess = set()
        total = 0
        # Those that are billed already come first.
        for _, key, row in sorted(
            (row.role == schema.Role.UNBILLED, known.key, row)
            for row, known in zip(self.rows, self.histories, strict=True)
            if not known.voided
        ):
            total += row.millijoules
            if total > MAX_MILLIJOULES:
                total -= row.millijoules
                excess.add(key)
        return excess

    def changed_since(self) -> int:
        """Return the date from which what is billed may have changed.

        It is that of the last mark before the change or, before marks are
        loaded, that of the change. If the date of an opening moved, all of
        the register changed. If a register changed, those that claim to
        follow it may relate to others than before.
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
        settled_until: int = row.settled_until
        if self.since is None:
            return opened + max(settled_until, 0)
        points = (known.base, *known.marks)
        return opened + max(
            (
                point.elapsed
                for point in points
                if point.elapsed <= settled_until
            ),
            default=0,
        )

    def settled_until(
        self, row: db_histories.Row, known: history.RegisterHistory
    ) -> int:
        """Return the elapsed time up to which a curve is now settled.

        A line is settled without its curves.
        """
        if self.since is None:
            return 0
        if self._end(known) <= self.since:
            return int(row.settled_until)
        opened = self.openings[known.key].opened
        return curve.Curve(known, opened).fixed_until() - opened

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


class Settlement(typing.NamedTuple):
    """What is settled of one probe.

    :ivar registers: rows of registers that change.
    :ivar overlaps: all overlap from the first cell that may have changed.
    """

    probe: settlements.ProbeRow
    registers: list[settlements.RegisterRow]
    overlaps: list[settlements.OverlapRow]


def first_cell(registers: Registers) -> int:
    """Return the start of the first cell that may have changed."""
    if registers.is_line:
        return BEGINNING
    since = cells.start_of(registers.changed_since())
    return max(since, registers.horizon)


def settle(
    probe: sa.Row[typing.Any],
    registers: Registers,
    old: list[settlements.OverlapRow],
    lower: bool,
) -> Settlement:
    """Compute what is billed of the registers of a probe.

    :param probe: its row.
    :param old: its overlap from :func:`first_cell` on.
    :param lower: whether the energy shown may fall.
    """
    since = None if registers.is_line else first_cell(registers)
    result = bill.bill(registers.histories, since)
    numbers = {
        known.key: row.number
        for row, known in zip(registers.rows, registers.histories, strict=True)
    }
    new = [
        settlements.OverlapRow(probe.id, start, numbers[key], *share)
        for (start, key), share in result.overlaps.items()
    ]
    overlap = _total(new).minus(_total(old))
    return Settlement(
        _probe_row(probe, registers, result, numbers, overlap, lower),
        _register_rows(registers, result),
        new,
    )


def _probe_row(
    probe: sa.Row[typing.Any],
    registers: Registers,
    result: bill.Bill,
    numbers: dict[measurement.RegisterKey, int],
    more_overlap: curve.Share,
    lower: bool,
) -> settlements.ProbeRow:
    overlap = curve.Share(
        probe.overlap_millijoules, probe.overlap_metered, probe.overlap_elapsed
    ).plus(more_overlap)
    base = curve.NOTHING.minus(overlap)
    tip = curve.NOTHING
    before = probe.base_millijoules
    for row, known in zip(registers.rows, registers.histories, strict=True):
        share = curve.Share(row.millijoules, row.metered, row.elapsed)
        if row.number == probe.tip:
            before += row.millijoules
        if known.key == result.tip:
            tip = share
        elif not known.voided:
            base = base.plus(share)
    shown = base.millijoules + tip.millijoules
    if not lower:
        shown = max(shown, before, probe.shown)
    return settlements.ProbeRow(
        probe.id,
        numbers.get(result.tip) if result.tip else None,
        *base,
        *overlap,
        shown,
        result.plural,
        numbers[result.displayed] if result.displayed else None,
        ' '.join(sorted(result.alarms)),
    )


def _total(rows: list[settlements.OverlapRow]) -> curve.Share:
    total = curve.NOTHING
    for row in rows:
        total = total.plus(
            curve.Share(row.millijoules, row.metered, row.elapsed)
        )
    return total


def _register_rows(
    registers: Registers, result: bill.Bill
) -> list[settlements.RegisterRow]:
    """Return the rows of registers that change."""
    tip = schema.Role.WATCHED if result.plural else schema.Role.SOLE
    rows = []
    for row, known in zip(registers.rows, registers.histories, strict=True):
        role = schema.Role.SETTLED
        if known.key in registers.unbilled:
            role = schema.Role.UNBILLED
        elif known.key == result.tip:
            role = tip
        new = settlements.RegisterRow(
            row.number,
            role,
            schema.Dirty.CLEAN,
            registers.settled_until(row, known),
            result.openings[known.key].opened,
        )
        if new != tuple(getattr(row, name) for name in new._fields):
            rows.append(new)
    return rows
