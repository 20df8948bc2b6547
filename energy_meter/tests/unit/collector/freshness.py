# SPDX-License-Identifier: Apache-2.0

"""Checks that the power that is shown is that of a register that advances."""

import collections.abc
import typing

import sqlalchemy as sa

from energy_meter.billing import bill as billing
from energy_meter.db import probes
from energy_meter.db import schema

#: Two batches of a collector.
_BATCHES_MS = 2_000
#: Age of a measurement that arrives while it is current.
_MAX_AGE_MS = 12_000
_EVER_S = 1e9


class _Measured(typing.NamedTuple):
    """The newest measurement of a register, or a mark if none arrived.

    :ivar seen_at: when it arrived.
    :ivar date: when it was made.
    :ivar timestamp: the same on the agent's clock.
    """

    seen_at: int
    date: int
    timestamp: int

    is_mark: bool

    @classmethod
    def of(cls, row: sa.Row[typing.Any], opened: int) -> '_Measured':
        is_mark = row.live_elapsed < 0
        elapsed = row.elapsed if is_mark else row.live_elapsed
        return cls(row.last_seen_at, opened + elapsed, row.timestamp, is_mark)

    @property
    def is_current(self) -> bool:
        return not self.is_mark and self.seen_at - self.date <= _MAX_AGE_MS


def assert_power_is_fresh(
    engine: sa.Engine, bills: collections.abc.Mapping[str, billing.Bill]
) -> None:
    """Check the listing of all probes, which are settled.

    If a current measurement of a register arrived last, what is shown arrived,
    or was made, at most two batches before it.
    """
    register = schema.register
    with engine.connect() as connection:
        states = list(probes.list_states(connection, _EVER_S))
        rows = connection.execute(
            sa.select(register).where(~register.c.voided)
        ).all()
    for state in states:
        openings = bills[state.id].openings
        measured = [
            _Measured.of(row, openings[row.agent, row.register].opened)
            for row in rows
            if row.probe == state.id
        ]
        if not measured:
            continue
        newest = max(measured, key=lambda each: (not each.is_mark, each))
        shown = max(
            each
            for each in measured
            if each.timestamp == round(state.timestamp * 1000)
        )
        assert (
            not newest.is_current
            or shown.seen_at >= newest.seen_at - _BATCHES_MS
            or shown.date >= newest.date - _BATCHES_MS
        ), (state, newest, shown)
