# SPDX-License-Identifier: Apache-2.0

"""Energy of many probes by date, from the few marks that some dates need."""

import bisect
import collections.abc
import dataclasses
import typing

import sqlalchemy as sa

from energy_meter import measurement
from energy_meter.billing import bill
from energy_meter.billing import cells
from energy_meter.billing import curve
from energy_meter.billing import dates as billing_dates
from energy_meter.billing import history
from energy_meter.billing import intervals
from energy_meter.billing import lines
from energy_meter.billing import timeline
from energy_meter.db import changes
from energy_meter.db import documents
from energy_meter.db import engine as db_engine
from energy_meter.db import histories
from energy_meter.db import marks
from energy_meter.db import packing
from energy_meter.db import schema
from energy_meter.db import settlements
from energy_meter.db import windows

#: A date after all others.
_NEVER = 2**62

_ID = {'id': documents.TEXT}

#: Dates in ms, ascending.
Run = collections.abc.Sequence[int]


def load(
    connection: sa.Connection,
    wanted: collections.abc.Mapping[str, collections.abc.Sequence[Run]],
    has_marks: bool = False,
) -> dict[str, timeline.Timeline]:
    """Return the energy of probes by date.

    What waits to be settled is settled here, without writing it.

    :param connection: one of :func:`energy_meter.db.engine.snapshot`.
    :param wanted: by probe, runs of dates in their order. Only the difference
        of two dates of the same run is exact.
    :param has_marks: whether all marks within the runs are needed, instead of
        what was billed by their dates.
    :returns: by probe; those that do not exist are missing.
    """
    probes = _probes(connection, wanted)
    _add_overlaps(connection, probes, wanted)
    for name, known in probes.items():
        known.look_at(wanted[name], has_marks)
    for store, of_store in (
        (windows.PACKED, _Probe.packed_windows),
        (windows.MARKS, _Probe.mark_windows),
    ):
        searched = [each for p in probes.values() for each in of_store(p)]
        found = windows.load(connection, store, searched)
        for known in probes.values():
            known.add(found)
    return {name: known.timeline() for name, known in probes.items()}


def changed_since(
    connection: sa.Connection, probes: collections.abc.Collection[str]
) -> dict[str, int]:
    """Return from when on what is billed may differ from what was settled.

    :param probes: IDs of contested probes.
    :returns: date in ms, by probe.
    """
    # Most probes are not contested.
    found = _probes(connection, probes) if probes else {}
    return {name: known.changed_since for name, known in found.items()}


def _probes(
    connection: sa.Connection, names: collections.abc.Collection[str]
) -> dict[str, '_Probe']:
    db_now = db_engine.now(connection)
    rows = histories.registers(connection, names)
    received = documents.table(connection, _ID)
    query = sa.select(schema.probe).join_from(
        received, schema.probe, schema.probe.c.id == received.c.id
    )
    query = documents.look_up(query, schema.probe)
    states = connection.execute(
        query, documents.pack((name,) for name in names)
    )
    probes = {
        state.id: _Probe(state, rows.get(state.id, []), db_now)
        for state in states
    }
    contested = [each for each in probes.values() if each.state.contested]
    if contested:
        changed = [each for known in contested for each in known.changes()]
        found = windows.load(connection, windows.MARKS, changed)
        for known in contested:
            known.add(found)
            known.find_change()
    return probes


def _add_overlaps(
    connection: sa.Connection,
    probes: collections.abc.Mapping[str, '_Probe'],
    wanted: collections.abc.Mapping[str, collections.abc.Sequence[Run]],
) -> None:
    since = {
        name: cells.start_of(wanted[name][0][0] - 1)
        for name, known in probes.items()
        if known.state.overlap_elapsed
    }
    for row in settlements.overlaps(connection, since) if since else ():
        probes[row.probe].settled[row.cell, row.register] = curve.Share(
            row.millijoules, row.metered, row.elapsed
        )


class _Probe:
    """What is known of one probe, at first without overlap and marks.

    :ivar settled: what is not billed of a register in a cell, as it was
        settled, by the start of the cell and the register's number.
    :ivar changed_since: date from which that may have changed.
    """

    def __init__(
        self,
        state: sa.Row[typing.Any],
        rows: list[histories.Row],
        db_now: int,
    ) -> None:
        self.state = state
        self.settled: dict[tuple[int, int], curve.Share] = {}
        known = [histories.to_history(row) for row in rows]
        related = lines.Lines(known)
        self._openings = billing_dates.openings(known, related)
        self._registers = {
            row.number: (row, self._without_unbilled(row, each, db_now))
            for row, each in zip(rows, known, strict=True)
        }
        self._horizon = packing.horizon(db_now)
        self.changed_since = self._since = _NEVER
        self._is_line = related.is_one_line(
            each.key for _, each in self._registers.values() if not each.voided
        )
        self._ranges: list[intervals.Interval] = []

    def _without_unbilled(
        self, row: histories.Row, known: history.RegisterHistory, db_now: int
    ) -> history.RegisterHistory:
        """Return a register, voided if it was too old when it arrived."""
        end = self._openings[known.key].opened + known.last.elapsed
        is_unbilled = row.role == schema.Role.UNBILLED and (
            not self.state.contested or end < db_now - marks.HORIZON_MS
        )
        return dataclasses.replace(known, voided=known.voided or is_unbilled)

    def changes(self) -> collections.abc.Iterator[windows.Window]:
        """Yield where registers changed, as the mark before it counts."""
        for row, _ in self._registers.values():
            if row.dirty:
                date = max(
                    row.base_elapsed, min(row.settled_until, row.elapsed)
                )
                yield windows.Window(
                    row.number,
                    histories.own_opened(row),
                    row.base_elapsed,
                    row.elapsed,
                    date,
                    date,
                )

    def find_change(self) -> None:
        """Find out from when on the settled overlap may have changed."""
        self.changed_since = changes.changed_since(
            [row for row, _ in self._registers.values()],
            [known for _, known in self._registers.values()],
            self._openings,
            has_marks=True,
        )
        since = cells.start_of(self.changed_since)
        # Older cells are final.
        self._since = max(since, self._horizon)

    def look_at(
        self, runs: collections.abc.Iterable[Run], has_marks: bool
    ) -> None:
        """Choose the time in which marks are needed.

        For a date, these are its neighbors, unless several registers meet
        there: who is billed first depends on all of the cell, and whether a
        register is billed at a date on the cells before and after it.
        """
        cells_of_overlap = sorted({cell for cell, _ in self.settled})
        for run in runs:
            start = cells.start_of(run[0] - 1)
            until = cells.end_of(run[-1] + 1)
            first, beyond = (
                bisect.bisect_left(cells_of_overlap, date)
                for date in (start, until)
            )
            is_settled = self._is_line or until <= self._since
            if has_marks or first < beyond or not is_settled:
                self._ranges.append((start, until))
            else:
                self._ranges += [(date, date) for date in run]
        self._ranges = intervals.union(self._ranges)

    def add(self, found: windows.Points) -> None:
        """Add marks to the registers."""
        for number, (row, known) in self._registers.items():
            if number in found:
                points = histories.join([*known.marks, *found[number]])
                self._registers[number] = (
                    row,
                    dataclasses.replace(known, marks=points),
                )

    def timeline(self) -> timeline.Timeline:
        """Return the energy by date."""
        keys = {
            number: known.key for number, (_, known) in self._registers.items()
        }
        overlaps = {
            (cell, keys[number]): share
            for (cell, number), share in self.settled.items()
        }
        known = [known for _, known in self._registers.values()]
        if self._ranges[-1][1] >= self._since:
            since = max(self._ranges[0][0], self._since)
            overlaps = {
                key: share
                for key, share in overlaps.items()
                if key[0] < self._since
            } | bill.bill(known, since).overlaps
        return timeline.Timeline(known, self._openings, overlaps)

    def mark_windows(self) -> collections.abc.Iterator[windows.Window]:
        """Yield the windows of marks that are not packed."""
        for row, _ in self._registers.values():
            yield from self._windows(
                row, histories.own_opened(row), row.base_elapsed, row.elapsed
            )

    def packed_windows(self) -> collections.abc.Iterator[windows.Window]:
        """Yield the windows of packed marks.

        Such a register begins with its opening instead of its base.
        """
        for number, (row, known) in self._registers.items():
            opened = self._openings[known.key].opened
            is_earlier = self._ranges[0][0] < opened + row.base_elapsed
            if row.base_elapsed and is_earlier:
                self._registers[number] = (
                    row,
                    dataclasses.replace(
                        known, marks=(known.base,), base=measurement.ORIGIN
                    ),
                )
                yield from self._windows(row, opened, 0, row.base_elapsed)

    def _windows(
        self, row: histories.Row, stored_by: int, lowest: int, highest: int
    ) -> collections.abc.Iterator[windows.Window]:
        known = self._registers[row.number][1]
        if known.voided:
            return
        opened = self._openings[known.key].opened
        number = bisect.bisect_left(
            self._ranges, opened + lowest, key=lambda each: each[1]
        )
        for start, until in self._ranges[number:]:
            if start >= opened + highest:
                return
            yield windows.Window(
                row.number,
                stored_by,
                lowest,
                highest,
                max(start - opened, lowest),
                min(until - opened, highest),
            )
