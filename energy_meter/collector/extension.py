# SPDX-License-Identifier: Apache-2.0

"""Extends the line of a probe by a new register, or contests the probe.

After an agent restarts, the new register follows the tip, so no date matters:
the tip's values are added to the probe's base, and the new register becomes
the tip. Whatever else changed is left to a settling.
"""

import collections
import collections.abc
import typing

import sqlalchemy as sa

from energy_meter import exception
from energy_meter import measurement
from energy_meter.billing import lines
from energy_meter.collector import arrivals
from energy_meter.collector import locks
from energy_meter.collector import settlement
from energy_meter.db import documents
from energy_meter.db import extensions
from energy_meter.db import numbers
from energy_meter.db import schema

#: Energy of a base in mJ to which any register can be added; see
#: :data:`energy_meter.collector.settlement.MAX_MILLIJOULES`.
_MAX_BASE = settlement.MAX_MILLIJOULES - measurement.INTEGER_LIMIT

_NUMBER = {'number': documents.INTEGER}

#: Columns of a probe that decide whether its line can be extended: MariaDB's
#: driver reads all columns of 10,000 rows four times as long.
_COLUMNS = (
    schema.probe.c.tip,
    schema.probe.c.contested,
    schema.probe.c.plural,
    schema.probe.c.closed_until,
    schema.probe.c.settled_at,
    schema.probe.c.base_millijoules,
    schema.probe.c.quantity,
)

_Row = typing.Any


class QuantityConflict(exception.EnergyMeterError):
    """Another collector added probes with the other quantity.

    :ivar registers: IDs of the probes by number of the rejected register.
    """

    template = 'probes of the other quantity: %(probes)s'

    def __init__(self, registers: dict[int, str]) -> None:
        super().__init__(probes=', '.join(registers.values()))
        self.registers = registers


class Change(typing.NamedTuple):
    """A register that must be settled, and was not before.

    :ivar role: its :class:`energy_meter.db.schema.Role`.
    """

    number: int
    role: int
    arrival: arrivals.Arrival

    @property
    def probe(self) -> str:
        """ID of its probe."""
        return self.arrival.last.probe.id

    @property
    def previous(self) -> int | None:
        """Number of the register that it follows, if there is one."""
        last = self.arrival.last
        if last.after is None:
            return None
        key = last.register._replace(id=last.after.register)
        return numbers.number(last.probe.id, key)


def extend(
    connection: sa.Connection,
    changes: collections.abc.Collection[Change],
    db_now: int,
) -> set[int]:
    """Extend the lines of probes, and contest all others that changed.

    The row of each probe is locked, even if it is contested already: a
    settling that is in progress does not see what this transaction wrote.

    :returns: numbers of the registers that became the tip of their probe.
    :raises QuantityConflict: if a probe has the other quantity. Only its row
        shows that for sure, and it is locked last, so the registers are
        written already.
    """
    if not changes:
        return set()
    candidates = _candidates(changes, db_now)
    previous = _lock_tips(connection, candidates)
    names = sorted({change.probe for change in changes})
    _insert_probes(connection, changes, previous)
    probes = locks.wait(connection, names, *_COLUMNS)
    _check_quantities(changes, probes)
    tips = {
        name: change
        for name, change in candidates.items()
        if _extends(probes[name], change, previous, db_now)
    }
    _write_tips(connection, tips, probes, previous, db_now)
    contested = (
        name
        for name in names
        if name not in tips and not probes[name].contested
    )
    extensions.contest(connection, contested)
    return {change.number for change in tips.values()}


def _candidates(
    changes: collections.abc.Collection[Change], db_now: int
) -> dict[str, Change]:
    """Return new registers that are alone in the batch, by probe."""
    counts = collections.Counter(change.probe for change in changes)
    return {
        change.probe: change
        for change in changes
        if counts[change.probe] == 1
        and change.role == schema.Role.UNBILLED
        and not change.arrival.is_expired(db_now)
    }


def _lock_tips(
    connection: sa.Connection, candidates: dict[str, Change]
) -> dict[int, _Row]:
    """Lock the tips that registers follow, without waiting for any.

    Waiting would break the order of locks. One that is locked by another
    transaction contests its probe.

    :returns: the tips, by number of the register that follows.
    """
    followers = {
        previous: change.number
        for change in candidates.values()
        if (previous := change.previous) is not None
    }
    if not followers:
        return {}
    register = schema.register.c
    received = documents.table(connection, _NUMBER)
    query = (
        sa.select(
            register.number,
            register.elapsed,
            register.millijoules,
            register.metered,
        )
        .join_from(
            received, schema.register, register.number == received.c.number
        )
        .where(register.role == schema.Role.SOLE)
        .with_for_update(skip_locked=True, of=schema.register)
    )
    query = documents.look_up(query, schema.register)
    rows = documents.pack((number,) for number in followers)
    locked = connection.execute(query, rows)
    return {followers[row.number]: row for row in locked}


def _insert_probes(
    connection: sa.Connection,
    changes: collections.abc.Iterable[Change],
    previous: dict[int, _Row],
) -> None:
    """Insert the missing rows of probes."""
    rows = {
        change.probe: extensions.NewProbe(
            change.probe, change.number, int(change.arrival.quantity)
        )
        for change in changes
        # A probe that has a tip exists.
        if change.role == schema.Role.UNBILLED
        and change.number not in previous
    }
    extensions.insert_probes(connection, rows.values())


def _check_quantities(
    changes: collections.abc.Iterable[Change], probes: locks.Probes
) -> None:
    conflicts = {
        change.number: change.probe
        for change in changes
        if change.arrival.quantity != probes[change.probe].quantity
    }
    if conflicts:
        raise QuantityConflict(conflicts)


def _extends(
    probe: _Row, change: Change, previous: dict[int, _Row], db_now: int
) -> bool:
    """Check that a register follows the tip, or is a probe's first one.

    One that may have begun in a closed day is settled, which marks the day.
    """
    if probe.contested or probe.plural:
        return False
    closed_until = probe.closed_until
    if closed_until and change.arrival.opened_after(db_now) < closed_until:
        return False
    if probe.tip is None:
        return not probe.settled_at
    after, tip = change.arrival.last.after, previous.get(change.number)
    return (
        after is not None
        and tip is not None
        and tip.number == probe.tip
        and lines.is_end(tip.elapsed, after)
        and probe.base_millijoules + tip.millijoules < _MAX_BASE
    )


def _write_tips(
    connection: sa.Connection,
    tips: dict[str, Change],
    probes: dict[str, _Row],
    previous: dict[int, _Row],
    db_now: int,
) -> None:
    rows = []
    roles = []
    for name, change in tips.items():
        tip = probes[name].tip
        added = (0, 0, 0)
        roles.append(extensions.RoleOf(change.number, schema.Role.SOLE))
        if tip is not None:
            row = previous[change.number]
            added = row.millijoules, row.metered, row.elapsed
            roles.append(extensions.RoleOf(tip, schema.Role.SETTLED))
        rows.append(extensions.Advance(name, change.number, *added))
    extensions.advance(connection, rows, db_now)
    extensions.assign(connection, roles)
