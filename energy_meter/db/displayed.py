# SPDX-License-Identifier: Apache-2.0

"""Registers whose power is shown, and which probes are fresh."""

import collections.abc
import typing

import sqlalchemy as sa

from energy_meter.db import engine as db_engine
from energy_meter.db import schema

#: The displayed register of a probe is replaced by another one if its last
#: update is older by more than this: two batches at the default
#: [collector] flush_interval.
_MAX_LAG_MS = 2_000
#: Number of probes in one statement.
_CHUNK = 1000

_REGISTER = schema.register

#: What is shown of a register.
COLUMNS = (
    _REGISTER.c.timestamp,
    _REGISTER.c.watts,
    _REGISTER.c.scope,
    _REGISTER.c.host,
    _REGISTER.c.wattmeter,
    _REGISTER.c.driver,
)

_Row = collections.abc.Sequence[typing.Any]


def is_fresh(ttl: float) -> sa.ColumnElement[bool]:
    """Return the condition that a register was updated recently.

    :param ttl: time limit in seconds.
    """
    # A subquery is evaluated once. PostgreSQL would read the clock for each
    # row, which doubles the time of the query.
    return (
        _REGISTER.c.last_seen_at
        > sa.select(db_engine.clock() - int(ttl * 1000)).scalar_subquery()
    )


def find(
    connection: sa.Connection,
    ttl: float,
    probes: collections.abc.Mapping[str, int | None],
) -> dict[str, _Row]:
    """Return the registers whose power is shown of probes without a tip.

    :param probes: number of the register that was displayed when the probe
        was settled, by probe.
    :returns: whether the register is fresh, and what is displayed, by probe.
    """
    found: dict[str, tuple[tuple[typing.Any, ...], _Row]] = {}
    names = list(probes)
    for start in range(0, len(names), _CHUNK):
        chunk = names[start : start + _CHUNK]
        numbers = [probes[name] for name in chunk]
        rows = connection.execute(
            sa.select(
                _REGISTER.c.probe,
                _REGISTER.c.number,
                _REGISTER.c.voided,
                _REGISTER.c.live_elapsed,
                _REGISTER.c.last_seen_at,
                is_fresh(ttl),
                *COLUMNS,
            ).where(
                _REGISTER.c.probe.in_(chunk),
                sa.or_(is_fresh(ttl), _REGISTER.c.number.in_(numbers)),
            )
        )
        for probe, number, voided, live, last_seen_at, *row in rows:
            lag = 0 if number == probes[probe] else _MAX_LAG_MS
            # One of which only marks arrived has ended.
            order = (not voided, live >= 0, last_seen_at - lag, number)
            if probe not in found or found[probe][0] < order:
                found[probe] = order, row
    return {probe: row for probe, (_, row) in found.items()}
