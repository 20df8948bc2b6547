# SPDX-License-Identifier: Apache-2.0

"""Computes what is to be settled of one probe, without the database."""

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
from energy_meter.db import changes
from energy_meter.db import histories as db_histories
from energy_meter.db import marks
from energy_meter.db import packing
from energy_meter.db import schema
from energy_meter.db import settlements

#: Energy in mJ above which no further register of a probe is billed. The sum
#: of a forger's registers must fit into a column.
MAX_MILLIJOULES = 2**62

_Histories = list[history.RegisterHistory]


class Registers:
    """The registers of one probe, and what changed since the last settling.

    :ivar rows: the rows of the registers.
    :ivar histories: what is known of each, in the same order, at first
        without marks. Those of ``unbilled`` are not billed, like void ones.
    :ivar unbilled: registers that are dated before the horizon when they are
        first known, or exceed :data:`MAX_MILLIJOULES`.
    :ivar lines: relations between all of them.
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
        self.lines = lines.Lines(self.histories)
        self.since: int | None = None
        self.horizon = packing.horizon(db_now)
        self.openings = dates.openings(self.histories, self.lines)
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
        self.is_line = self.lines.is_one_line(
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

        Before marks are loaded it may be too late, up to the mark before.
        """
        return changes.changed_since(
            self.rows, self.histories, self.openings, self.since is not None
        )

    def settled_until(
        self, row: db_histories.Row, known: history.RegisterHistory
    ) -> int:
        """Return the elapsed time up to which a curve is now settled.

        A line is settled without its curves, unless days of it are closed.
        """
        if self.since is None:
            return 0
        if self._end(known) <= self.since:
            return int(row.settled_until)
        opened = self.openings[known.key].opened
        return curve.Curve(known, opened).fixed_until() - opened

    def _end(self, known: history.RegisterHistory) -> int:
        return self.openings[known.key].opened + known.last.elapsed


class Settlement(typing.NamedTuple):
    """What is settled of one probe.

    :ivar registers: rows of registers that change.
    :ivar overlaps: all overlap from the first cell that may have changed.
    :ivar changed: first of the closed days that may have changed, and the day
        after the last one. The range may be empty.
    """

    probe: settlements.ProbeRow
    registers: list[settlements.RegisterRow]
    overlaps: list[settlements.OverlapRow]
    changed: tuple[int, int]


def first_cell(registers: Registers) -> int:
    """Return the start of the first cell of which overlap is computed."""
    if registers.is_line:
        return changes.BEGINNING
    return first_changed_cell(registers)


def first_changed_cell(registers: Registers) -> int:
    """Return the start of the first cell of which curves may have changed."""
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
        _register_rows(probe, registers, result),
        new,
        _changed_days(probe, registers, old),
    )


def _changed_days(
    probe: sa.Row[typing.Any],
    registers: Registers,
    old: list[settlements.OverlapRow],
) -> tuple[int, int]:
    """Return the closed days that may have changed.

    Overlap may go before the change: without a concurrent register there is
    none, not even of registers that were void earlier.
    """
    opened = [each.opened for each in registers.openings.values()]
    opened += [row.opened for row in registers.rows if row.opened is not None]
    date = min([registers.changed_since(), *(row.cell for row in old)])
    first = changes.first_day(date)
    first = max(first, min(opened, default=0) // packing.DAY_MS)
    return first, (probe.closed_until or changes.BEGINNING) // packing.DAY_MS


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
    probe: sa.Row[typing.Any], registers: Registers, result: bill.Bill
) -> list[settlements.RegisterRow]:
    """Return the rows of registers that change."""
    rows = []
    for row, known in zip(registers.rows, registers.histories, strict=True):
        new = settlements.RegisterRow(
            row.number,
            schema.Role.SETTLED,
            schema.Dirty.CLEAN,
            registers.settled_until(row, known),
            result.openings[known.key].opened,
            row.pinned_opened,
        )
        if known.key in registers.unbilled:
            new = new._replace(role=schema.Role.UNBILLED)
        elif known.key == result.tip:
            is_live = result.openings[known.key].live
            role = tip_role(new, result.plural, is_live, probe.closed_until)
            new = new._replace(role=role)
        if new != tuple(getattr(row, name) for name in new._fields):
            rows.append(new)
    return rows


def tip_role(
    row: settlements.RegisterRow,
    plural: bool,
    is_live: bool,
    closed_until: int | None,
) -> schema.Role:
    """Return the role of the tip of a probe.

    No change of a closed day may be overlooked. If the tip has no mark after
    the last one, that day changes whenever the tip advances. If its opening is
    not certain, it may move into closed days.

    :param row: its row, with any role.
    :param is_live: whether its opening is known from a live measurement.
    :param closed_until: date before which the days of the probe are closed.
    """
    if closed_until is not None:
        if row.opened < closed_until > row.opened + row.settled_until:
            return schema.Role.SETTLED
        is_certain = is_live and row.opened >= closed_until
        if row.pinned_opened is None and not is_certain:
            return schema.Role.WATCHED
    return schema.Role.WATCHED if plural else schema.Role.SOLE
