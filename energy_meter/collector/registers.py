# SPDX-License-Identifier: Apache-2.0

"""Registers as operators see them."""

import collections.abc
import enum
import typing

import sqlalchemy as sa

from energy_meter import exception
from energy_meter import measurement
from energy_meter.billing import dates
from energy_meter.billing import lines as billing_lines
from energy_meter.db import engine as db_engine
from energy_meter.db import histories
from energy_meter.db import schema

#: A register that was updated within this time still meters.
ALIVE_WINDOW_MS = 300_000
#: Minimum number of digits that name a register.
_MIN_DIGITS = 4
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


class _Share(typing.NamedTuple):
    """Share of a register in its probe.

    :ivar overlap: what others are billed for, in mJ.
    :ivar is_active: whether its power is shown.
    """

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
        shares = _shares(connection, chunk)
        rows = histories.registers(connection, chunk)
        for name in chunk:
            yield from _views(rows[name], shares, db_now)


def find(
    connection: sa.Connection, probe: str, agent: str, register: str
) -> RegisterView:
    """Return a register of a probe.

    :param agent: UUID of the agent, or its name.
    :param register: ID of the register, or at least its first four digits.
    :raises ProbeNotFound: if the probe has no registers.
    :raises RegisterNotFound: if it has others only.
    :raises RegisterNotUnique: if several match. One with the whole ID and
        UUID takes precedence.
    """
    found = [
        view
        for view in list_registers(connection, probe)
        if agent in (view.agent, view.agent_name)
        and view.register.startswith(register)
        and len(register) >= _MIN_DIGITS
    ]
    exact = [
        view
        for view in found
        if (view.agent, view.register) == (agent, register)
    ]
    match exact or found:
        case [view]:
            return view
        case []:
            raise exception.RegisterNotFound(probe=probe, register=register)
    raise exception.RegisterNotUnique(
        probe=probe,
        register=register,
        registers='; '.join(f'{view.agent} {view.register}' for view in found),
    )


def _shares(
    connection: sa.Connection, probes: collections.abc.Sequence[str]
) -> dict[int, _Share]:
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
        number: _Share(int(overlap), number == active)
        for number, overlap, active in connection.execute(query)
    }


def _views(
    rows: collections.abc.Sequence[histories.Row],
    shares: collections.abc.Mapping[int, _Share],
    db_now: int,
) -> collections.abc.Iterator[RegisterView]:
    # Dates and lines need no marks.
    known = [histories.to_history(row) for row in rows]
    lines = billing_lines.Lines(known)
    openings = dates.openings(known, lines)
    by_key = {each.key: row for each, row in zip(known, rows, strict=True)}
    for line, keys in enumerate(_by_line(lines, openings), 1):
        for key in keys:
            row = by_key[key]
            share = shares[row.number]
            yield RegisterView(
                row.probe,
                line,
                _role(row, share, key in lines.successors, db_now),
                row.millijoules,
                share.overlap,
                openings[key].opened / 1000,
                openings[key].correction,
                row.metered / row.elapsed if row.elapsed else 1.0,
                row.last_seen_at / 1000,
                row.agent_name,
                row.agent,
                row.register,
            )


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
    row: histories.Row, share: _Share, is_followed: bool, db_now: int
) -> Role:
    if row.voided:
        return Role.VOID
    if share.is_active:
        return Role.ACTIVE
    if is_followed or row.last_seen_at < db_now - ALIVE_WINDOW_MS:
        return Role.ENDED
    return Role.STANDBY
