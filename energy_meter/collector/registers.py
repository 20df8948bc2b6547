# SPDX-License-Identifier: Apache-2.0

"""Registers as operators see them."""

import collections.abc
import enum
import typing

import sqlalchemy as sa

from energy_meter import exception
from energy_meter import measurement
from energy_meter.billing import dates
from energy_meter.billing import history
from energy_meter.billing import lines as billing_lines
from energy_meter.db import engine as db_engine
from energy_meter.db import histories
from energy_meter.db import numbers
from energy_meter.db import schema

#: A register that was updated within this time still meters.
ALIVE_WINDOW_MS = 300_000
#: Number of probes whose registers are loaded at once.
_CHUNK = 1000

_PROBE, _REGISTER, _OVERLAP = schema.probe, schema.register, schema.overlap


class Role(enum.StrEnum):
    """What a register does for its probe.

    The power of the ``active`` one is shown. Those on ``standby`` are updated
    as well. A register that ``ended`` does not continue, or was not updated
    for 5 minutes. Those that are ``void`` are not billed.
    """

    ACTIVE = 'active'
    STANDBY = 'standby'
    ENDED = 'ended'
    VOID = 'void'


class RegisterView(typing.NamedTuple):
    """A register as operators see it.

    :ivar line: number of its line: registers of which each continues another.
    :ivar opened_at: when it was opened, in seconds since the epoch.
    :ivar correction: why the agent's clock was not used for ``opened_at``;
        None if it was used.
    :ivar overlap: the part of ``millijoules`` that other registers are billed
        for.
    :ivar coverage: share of the time for which the energy is known, 0 to 1.
    :ivar last_seen_at: in seconds since the epoch, on the database's clock.
    """

    probe: str
    line: int
    role: Role
    millijoules: int
    overlap: int
    opened_at: float
    correction: str | None
    coverage: float
    last_seen_at: float
    agent_name: str
    agent: str
    register: str


class _Row(typing.NamedTuple):
    """What the list needs of a register, besides its history."""

    last_seen_at: int
    overlap: int
    is_active: bool


def list_registers(
    connection: sa.Connection,
    probe: str | None = None,
) -> collections.abc.Iterator[RegisterView]:
    """Return the registers of all probes or of one, line by line.

    Those of deleted probes are included.

    :raises ProbeNotFound: if the probe has no registers.
    """
    query = sa.select(_REGISTER.c.probe).distinct().order_by(_REGISTER.c.probe)
    if probe is not None:
        query = query.where(_REGISTER.c.probe == probe)
    names = connection.scalars(query).all()
    if probe is not None and not names:
        raise exception.ProbeNotFound(probe=probe)
    db_now = db_engine.now(connection)
    for start in range(0, len(names), _CHUNK):
        # Without locks: a listing must not delay the collectors.
        chunk = names[start : start + _CHUNK]
        rows = _rows(connection, chunk)
        loaded = histories.load(connection, chunk, db_now)
        for name in chunk:
            yield from _views(name, loaded[name], rows, db_now)


def _rows(
    connection: sa.Connection, probes: collections.abc.Sequence[str]
) -> dict[int, _Row]:
    overlaps = (
        sa.select(
            _OVERLAP.c.register,
            sa.func.sum(_OVERLAP.c.millijoules).label('millijoules'),
        )
        .where(_OVERLAP.c.probe.in_(probes))
        .group_by(_OVERLAP.c.register)
        .subquery()
    )
    query = (
        sa.select(
            _REGISTER.c.number,
            _REGISTER.c.last_seen_at,
            sa.func.coalesce(overlaps.c.millijoules, 0),
            sa.func.coalesce(_PROBE.c.tip, _PROBE.c.displayed),
        )
        .join(_PROBE, _PROBE.c.id == _REGISTER.c.probe, isouter=True)
        .join(
            overlaps, overlaps.c.register == _REGISTER.c.number, isouter=True
        )
        .where(_REGISTER.c.probe.in_(probes))
    )
    return {
        # MariaDB and PostgreSQL add integers to decimals.
        number: _Row(last_seen_at, int(overlap), number == active)
        for number, last_seen_at, overlap, active in connection.execute(query)
    }


def _views(
    probe: str,
    loaded: collections.abc.Sequence[history.RegisterHistory],
    rows: collections.abc.Mapping[int, _Row],
    db_now: int,
) -> list[RegisterView]:
    lines = billing_lines.Lines(loaded)
    openings = dates.openings(loaded, lines)
    registers = {each.key: each for each in loaded}
    views = []
    for line, keys in enumerate(_by_line(lines, openings), 1):
        for key in keys:
            row = rows[numbers.number(probe, key)]
            known = registers[key]
            elapsed, millijoules, metered = known.last
            views.append(
                RegisterView(
                    probe,
                    line,
                    _role(known, row, key in lines.successors, db_now),
                    millijoules,
                    row.overlap,
                    openings[key].opened / 1000,
                    openings[key].correction,
                    metered / elapsed if elapsed else 1.0,
                    row.last_seen_at / 1000,
                    known.agent_name,
                    key.agent,
                    key.id,
                )
            )
    return views


def _by_line(
    lines: billing_lines.Lines,
    openings: collections.abc.Mapping[measurement.RegisterKey, dates.Opening],
) -> list[list[measurement.RegisterKey]]:
    """Return the registers of each line; lines by the opening of the first."""
    grouped: list[list[measurement.RegisterKey]] = []
    for key in lines.order:
        if key not in lines.predecessors:
            grouped.append([])
        grouped[-1].append(key)
    return sorted(grouped, key=lambda keys: openings[keys[0]].opened)


def _role(
    known: history.RegisterHistory, row: _Row, is_followed: bool, db_now: int
) -> Role:
    if known.voided:
        return Role.VOID
    if row.is_active:
        return Role.ACTIVE
    if is_followed or row.last_seen_at < db_now - ALIVE_WINDOW_MS:
        return Role.ENDED
    return Role.STANDBY
