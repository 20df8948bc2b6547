# SPDX-License-Identifier: Apache-2.0

"""Dates: when each register was opened.

A register counts elapsed time, so one date, that of its opening, dates all of
it. Two clocks show it: the agent's wall clock, which may be wrong, and the
database's when a measurement arrives, which is late by the time that the
measurement was on its way.
"""

import collections.abc
import typing

from energy_meter import measurement
from energy_meter.billing import history
from energy_meter.billing import lines as billing_lines

#: Two measurements of a register that is heard live are on their way for
#: times that differ by less than this.
LIVE_SPREAD_MS = 12_000
#: How far an agent's clock may be behind the arrival of its measurements.
#: They were on their way for a part of it.
MAX_BEHIND_MS = 30_000
#: How far an agent's clock may be ahead of it.
MAX_AHEAD_MS = 1_000

CLOCK_AHEAD = 'clock_ahead'
CLOCK_BEHIND = 'clock_behind'
CLOCK_UNSET = 'clock_unset'

#: A date after, and with a minus before, all others.
_NEVER = 2**62

_Registers = collections.abc.Mapping[
    measurement.RegisterKey, history.RegisterHistory
]
_Dates = dict[measurement.RegisterKey, int]


class Opening(typing.NamedTuple):
    """When a register was opened.

    :ivar opened: date, in ms since the epoch.
    :ivar live: whether its measurements arrived when they were made.
    :ivar correction: why the agent's clock was not used: one of
        :data:`CLOCK_AHEAD`, :data:`CLOCK_BEHIND`, :data:`CLOCK_UNSET`; None
        if it was used, or if the difference is at most 1 s.
    """

    opened: int
    live: bool
    correction: str | None


def openings(
    histories: collections.abc.Iterable[history.RegisterHistory],
    lines: billing_lines.Lines,
) -> dict[measurement.RegisterKey, Opening]:
    """Return the opening of each register.

    A date that was pinned when a day was closed stays. That of a
    register heard live depends on no other register. The agent's clock dates
    the others, but they lie between the registers heard live before and after
    them on their line. If the clock cannot be right, or was never set, a
    register ends where the next one begins.
    """
    registers = {known.key: known for known in histories}
    live = {
        key: _opened_live(known)
        for key, known in registers.items()
        if is_live(known)
    }
    tops = _tops(registers, lines, live)
    bottoms = _bottoms(registers, lines, live)
    found: dict[measurement.RegisterKey, Opening] = {}
    for key in reversed(lines.order):
        next_opened = min(
            (found[each].opened for each in lines.successors.get(key, ())),
            default=_NEVER,
        )
        found[key] = (
            _live(registers[key], live[key])
            if key in live
            else _late(registers[key], bottoms[key], tops[key], next_opened)
        )
    return found


def is_live(known: history.RegisterHistory) -> bool:
    """Return whether measurements arrived when they were made.

    Two of them, at least 60 s apart, were on their way for the least time,
    give or take 12 s. After an outage, a backlog arrives faster than it was
    measured: the delays of its measurements differ by as much as their times.
    """
    limit = min(known.lags) + LIVE_SPREAD_MS
    timely = [lag <= limit for lag in known.lags]
    return any(
        timely[number] and timely[(number + 2) % history.LAG_CLASSES]
        for number in range(history.LAG_CLASSES)
    )


def _own(known: history.RegisterHistory) -> int:
    """Return when a register was opened on the agent's clock."""
    return known.first.timestamp - known.first.elapsed


def _opened_live(known: history.RegisterHistory) -> int:
    """Return when a register was opened that is heard live.

    Its first measurement to arrive was on its way for a few seconds, so the
    agent's clock is more accurate than arrival, if both agree.
    """
    if known.pinned_opened is not None:
        return known.pinned_opened
    by, own = min(known.lags), _own(known)
    return own if by - MAX_BEHIND_MS <= own <= by + MAX_AHEAD_MS else by


def _tops(
    registers: _Registers, lines: billing_lines.Lines, live: _Dates
) -> _Dates:
    """Return the date before which each register was opened.

    Measurements cannot arrive before they were made, and the register ended
    before the nearest live ones that follow it were opened.
    """
    limits: _Dates = {}
    for key in reversed(lines.order):
        limits[key] = -registers[key].last.elapsed + min(
            (
                live.get(successor, limits[successor])
                for successor in lines.successors.get(key, ())
            ),
            default=_NEVER,
        )
    return {
        key: min(limit, *registers[key].lags) for key, limit in limits.items()
    }


def _bottoms(
    registers: _Registers, lines: billing_lines.Lines, live: _Dates
) -> _Dates:
    """Return the date after which each register was opened.

    The nearest live one that it follows, and all between them, had ended.
    """
    bottoms: _Dates = {}
    for key in lines.order:
        bottoms[key] = -_NEVER
        if previous := lines.predecessors.get(key):
            bottoms[key] = (
                live.get(previous, bottoms[previous])
                + registers[previous].last.elapsed
            )
    return bottoms


def _live(known: history.RegisterHistory, opened: int) -> Opening:
    """Return the opening of a register that was heard live."""
    return Opening(opened, True, _correction(_own(known), opened))


def _late(
    known: history.RegisterHistory, bottom: int, top: int, next_opened: int
) -> Opening:
    """Return the opening of a register that was not heard live.

    :param next_opened: when the one that follows it was opened. It counts if
        the agent's clock cannot be used: it is better than arrival alone.
    """
    own = _own(known)
    if known.pinned_opened is not None:
        opened = known.pinned_opened
    elif known.synced and own <= top:
        opened = max(own, min(bottom, top))
    else:
        opened = min(max(next_opened - known.last.elapsed, bottom), top)
    if not known.synced:
        return Opening(opened, False, CLOCK_UNSET)
    return Opening(opened, False, _correction(own, opened))


def _correction(own: int, opened: int) -> str | None:
    if own > opened + MAX_AHEAD_MS:
        return CLOCK_AHEAD
    if own < opened - MAX_AHEAD_MS:
        return CLOCK_BEHIND
    return None
