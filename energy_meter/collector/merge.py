# SPDX-License-Identifier: Apache-2.0

"""Rules for merging a measurement into the account of its probe.

Pure functions on plain state, without database or clock. The collector's SQL
handles the common case, a measurement of the owner, and calls this module for
every other one. Tests compare both implementations.

A probe can have several registers: consecutive ones when an agent restarts or
the probe moves to another agent, simultaneous ones when two agents meter it.
One of them at a time is the *owner*, whose increments are billed. An increment
of another register is billed as well if no other agent is billed for the same
period, for example a late one of a previous owner. Otherwise it is *pending*
while the owner is stale, and becomes *overlap*, which is never billed, when
the owner is updated again.

Registers of different agents are ordered by the wall-clock times at which they
were opened. This time is fixed when the first measurement of a register
arrives; all later times are counted by the agent's monotonic clock. A clock
that is stepped while an agent runs therefore changes nothing.
"""

import collections.abc
import dataclasses
import enum
import math

from energy_meter import measurement


class Outcome(enum.StrEnum):
    """Result of merging a measurement into the account of its probe."""

    BILLED = 'billed'
    PENDING = 'pending'
    OVERLAP = 'overlap'
    DUPLICATE = 'duplicate'
    STALE_INCARNATION = 'stale_incarnation'
    VOID = 'void'
    AGENT_DISABLED = 'agent_disabled'


@dataclasses.dataclass(slots=True)
class RegisterState:
    """State of one register.

    :ivar opened_at: wall-clock time at which it was opened.
    :ivar last_seen_at: time of its last update, on the database's clock.
    :ivar overlap: energy in millijoules that was billed by another register.
    :ivar pending: energy in millijoules that is billed if the owner remains
        stale. It counts as overlap once the owner's elapsed time differs from
        ``pending_mark``.
    :ivar billed_from: wall-clock time from which its energy is billed; None
        if none of it was ever billed.
    """

    key: measurement.RegisterKey
    opened_at: float
    last_seen_at: float
    elapsed: float = 0.0
    metered_seconds: float = 0.0
    millijoules: int = 0
    overlap: int = 0
    pending: int = 0
    pending_mark: float = 0.0
    billed_from: float | None = None
    voided: bool = False

    @property
    def name(self) -> tuple[str, str]:
        """Agent and register id, unique within the probe."""
        return self.key.agent, self.key.id

    @property
    def measured_until(self) -> float:
        """Wall-clock time of its latest measurement."""
        return self.opened_at + self.elapsed

    @property
    def billed(self) -> int:
        """Energy in millijoules for which the probe is billed."""
        return self.millijoules - self.overlap - self.pending


@dataclasses.dataclass(slots=True)
class ProbeAccount:
    """Energy of one probe and the registers that it comes from.

    :ivar owner: the register that is billed now.
    :ivar others: all other registers, by agent and register id.
    :ivar floors: the incarnation up to which registers have been folded, by
        agent.
    :ivar last_seen_at: time of the owner's last update, on the database's
        clock.
    :ivar latest: the latest measurement of the owner.
    """

    millijoules: int = 0
    elapsed: float = 0.0
    metered_seconds: float = 0.0
    last_seen_at: float = 0.0
    owner: RegisterState | None = None
    others: dict[tuple[str, str], RegisterState] = dataclasses.field(
        default_factory=dict
    )
    floors: dict[str, int] = dataclasses.field(default_factory=dict)
    latest: measurement.Measurement | None = None

    @property
    def overlap(self) -> int:
        """Energy in millijoules that was metered twice and billed once."""
        mark = -math.inf if self.owner is None else self.owner.elapsed
        total = 0 if self.owner is None else self.owner.overlap
        for register in self.others.values():
            total += register.overlap
            if register.pending_mark != mark:
                total += register.pending
        return total


@dataclasses.dataclass(slots=True)
class RegisterDelta:
    """Increment of a register, and the period to which it belongs.

    :ivar since: wall-clock time at which the period starts.
    :ivar until: wall-clock time at which it ends.
    """

    since: float
    until: float
    millijoules: int
    elapsed: float
    metered_seconds: float


def newest(
    measurements: collections.abc.Iterable[measurement.Measurement],
) -> list[measurement.Measurement]:
    """Return only the newest measurement of each register.

    :returns: sorted by probe, then by incarnation, because the energy of an
        earlier incarnation belongs to an earlier period.
    """
    latest: dict[tuple[str, str, str], measurement.Measurement] = {}
    for received in measurements:
        key = (
            received.probe.id,
            received.register.agent,
            received.register.id,
        )
        previous = latest.get(key)
        if previous is None or received.elapsed > previous.elapsed:
            latest[key] = received
    return [
        latest[key]
        for key in sorted(
            latest,
            key=lambda key: (key[0], latest[key].register.incarnation, key),
        )
    ]


def opened_at(received: measurement.Measurement, db_now: float) -> float:
    """Return the wall-clock time at which a measurement's register was opened.

    :param db_now: the database's clock, the upper limit of the measurement's
        timestamp.
    """
    return min(received.timestamp, db_now) - received.elapsed


def merge(
    account: ProbeAccount,
    received: measurement.Measurement,
    db_now: float,
    takeover: float,
) -> Outcome:
    """Merge a plausible measurement into the account of its probe.

    :param db_now: the database's clock.
    :param takeover: time in seconds without an update of the owner after which
        another register takes over.
    """
    key = received.register
    if key.incarnation <= account.floors.get(key.agent, -1):
        return Outcome.STALE_INCARNATION
    owner = account.owner
    if owner is not None and owner.name == (key.agent, key.id):
        if received.elapsed <= owner.elapsed:
            return Outcome.DUPLICATE
        _bill(account, _advance(owner, received, db_now))
        account.last_seen_at, account.latest = db_now, received
        return Outcome.BILLED
    register = account.others.get((key.agent, key.id))
    if register is None:
        register = RegisterState(key, opened_at(received, db_now), db_now)
        account.others[register.name] = register
    elif register.voided:
        return Outcome.VOID
    elif received.elapsed <= register.elapsed:
        return Outcome.DUPLICATE
    return _merge_other(account, register, received, db_now, takeover)


def _merge_other(
    account: ProbeAccount,
    register: RegisterState,
    received: measurement.Measurement,
    db_now: float,
    takeover: float,
) -> Outcome:
    increment = _advance(register, received, db_now)
    owner = account.owner
    if owner is None or _succeeds(register, owner):
        _bill(account, increment)
        _take_over(account, register, received, db_now)
        return Outcome.BILLED
    if _is_unbilled(account, register.key.agent, increment):
        _bill(account, increment)
        if register.billed_from is None:
            register.billed_from = increment.since
        return Outcome.BILLED
    if increment.since < owner.measured_until:
        register.overlap += increment.millijoules
        return Outcome.OVERLAP
    _hold(register, owner, increment)
    if (
        register.opened_at >= owner.measured_until
        or db_now - account.last_seen_at > takeover
    ):
        account.millijoules += register.pending
        register.pending = 0
        _take_over(account, register, received, db_now)
        return Outcome.BILLED
    return Outcome.PENDING


def _succeeds(register: RegisterState, owner: RegisterState) -> bool:
    return (
        register.key.agent == owner.key.agent
        and register.key.incarnation > owner.key.incarnation
    )


def _is_unbilled(
    account: ProbeAccount, agent: str, increment: RegisterDelta
) -> bool:
    """Check that no other agent is billed for the period of an increment."""
    return not any(
        increment.since < last and increment.until > first
        for first, last in _billed_elsewhere(account, agent)
    )


def _billed_elsewhere(
    account: ProbeAccount,
    agent: str,
) -> collections.abc.Iterator[tuple[float, float]]:
    """Return the periods, start and end, that other agents are billed for."""
    owner = account.owner
    if (
        owner is not None
        and owner.key.agent != agent
        and owner.billed_from is not None
    ):
        yield owner.billed_from, math.inf
    for register in account.others.values():
        if (
            register.key.agent != agent
            and register.billed_from is not None
            and not register.voided
        ):
            yield register.billed_from, register.measured_until


def _advance(
    register: RegisterState, received: measurement.Measurement, db_now: float
) -> RegisterDelta:
    increment = RegisterDelta(
        register.measured_until,
        register.opened_at + received.elapsed,
        max(0, received.millijoules - register.millijoules),
        received.elapsed - register.elapsed,
        max(0.0, received.metered_seconds - register.metered_seconds),
    )
    register.millijoules += increment.millijoules
    register.elapsed = received.elapsed
    register.metered_seconds += increment.metered_seconds
    register.last_seen_at = db_now
    return increment


def _bill(account: ProbeAccount, increment: RegisterDelta) -> None:
    account.millijoules += increment.millijoules
    account.elapsed += increment.elapsed
    account.metered_seconds += increment.metered_seconds


def _hold(
    register: RegisterState, owner: RegisterState, increment: RegisterDelta
) -> None:
    if register.pending_mark != owner.elapsed:
        register.overlap += register.pending
        register.pending = 0
    register.pending_mark = owner.elapsed
    register.pending += increment.millijoules


def _take_over(
    account: ProbeAccount,
    register: RegisterState,
    received: measurement.Measurement,
    db_now: float,
) -> None:
    """Make a register the owner, after its pending energy has been billed."""
    former = account.owner
    register.overlap += register.pending
    register.pending, register.pending_mark = 0, 0.0
    if register.billed_from is None:
        register.billed_from = register.opened_at
    if former is not None:
        account.others[former.name] = former
    account.others.pop(register.name, None)
    account.owner = register
    account.last_seen_at, account.latest = db_now, received


def void(account: ProbeAccount, agent: str, register_id: str) -> int:
    """Void a register: subtract its energy and reject its later measurements.

    :returns: the energy removed from the probe, in millijoules.
    :raises KeyError: if the probe has no such register.
    """
    owner = account.owner
    if owner is not None and owner.name == (agent, register_id):
        account.owner = None
        account.others[owner.name] = owner
    register = account.others[agent, register_id]
    if register.voided:
        return 0
    removed = register.billed
    account.millijoules -= removed
    if register.billed_from is not None:
        account.elapsed -= min(account.elapsed, register.elapsed)
        account.metered_seconds -= min(
            account.metered_seconds, register.metered_seconds
        )
    register.voided = True
    return removed
