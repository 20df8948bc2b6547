# SPDX-License-Identifier: Apache-2.0

"""What a word of a register changes in the account of its probe.

Pure functions over plain state: no database, no clock. The collector's SQL
does the ordinary case, a word of the owner, by itself and comes here for
every other; the tests hold the two against each other.

Several registers may speak of one probe: one after another when an agent
restarts or the probe moves to another agent, or at the same time when two
agents meter it. At any time one of them is the *owner*, whose increments are
credited. The increments of another register are credited too if they belong
to a time for which no other agent is billed: late words of those before the
owner. Else they are *pending* while the owner is silent, and become *overlap*,
which is never billed, when it moves on.

Moments at which registers began, and only these, are compared across agents
by wall clock, each fixed once at the first word of the register; everything
after is counted by the agent's monotonic clock. So a clock that steps while
an agent runs changes nothing.
"""

import collections.abc
import dataclasses
import math

from energy_meter import measurement


@dataclasses.dataclass(slots=True)
class RegisterState:
    """What is known of one register.

    :ivar began: when it was opened, on the wall clock.
    :ivar heard_at: the database's clock when it last moved.
    :ivar overlap: millijoules that another register is billed for.
    :ivar pending: millijoules that wait for the owner to speak or to be
        given up; they are overlap once the owner's elapsed time differs
        from ``pending_mark``.
    :ivar billed_from: moment from which its energy is credited; None for a
        register that never was the owner and was not credited.
    """

    key: measurement.RegisterKey
    began: float
    heard_at: float
    elapsed: float = 0.0
    metered: float = 0.0
    millijoules: int = 0
    overlap: int = 0
    pending: int = 0
    pending_mark: float = 0.0
    billed_from: float | None = None
    voided: bool = False

    @property
    def name(self) -> tuple[str, str]:
        """Agent and id, which tell it from every other of its probe."""
        return self.key.agent, self.key.id

    @property
    def moment(self) -> float:
        """When its last known word was measured."""
        return self.began + self.elapsed

    @property
    def credited(self) -> int:
        """Millijoules for which the probe is billed."""
        return self.millijoules - self.overlap - self.pending


@dataclasses.dataclass(slots=True)
class Account:
    """Everything that the energy of one probe depends on.

    :ivar owner: the register that is billed now.
    :ivar others: all other registers, by agent and id.
    :ivar floors: by agent, the incarnation up to which registers have been
        folded.
    :ivar heard_at: the database's clock when the owner last moved.
    :ivar latest: the measurement that the probe shows.
    """

    millijoules: int = 0
    elapsed: float = 0.0
    metered: float = 0.0
    heard_at: float = 0.0
    owner: RegisterState | None = None
    others: dict[tuple[str, str], RegisterState] = dataclasses.field(
        default_factory=dict
    )
    floors: dict[str, int] = dataclasses.field(default_factory=dict)
    latest: measurement.Measurement | None = None

    @property
    def overlap(self) -> int:
        """Millijoules that were metered twice and billed once."""
        mark = -math.inf if self.owner is None else self.owner.elapsed
        total = 0 if self.owner is None else self.owner.overlap
        for register in self.others.values():
            total += register.overlap
            if register.pending_mark != mark:
                total += register.pending
        return total


@dataclasses.dataclass(slots=True)
class Increment:
    """By how much a word moved a register, and over which moments."""

    since: float
    until: float
    millijoules: int
    elapsed: float
    metered: float


def newest(
    words: collections.abc.Iterable[measurement.Measurement],
) -> list[measurement.Measurement]:
    """Reduce words to the newest of each register.

    :returns: sorted by probe, and earlier incarnations first: their energy
        belongs to an earlier time.
    """
    found: dict[tuple[str, str, str], measurement.Measurement] = {}
    for word in words:
        key = (word.probe.id, word.register.agent, word.register.id)
        known = found.get(key)
        if known is None or word.elapsed > known.elapsed:
            found[key] = word
    return [
        found[key]
        for key in sorted(
            found,
            key=lambda key: (key[0], found[key].register.incarnation, key),
        )
    ]


def began(word: measurement.Measurement, now: float) -> float:
    """Tell when the word's register was opened, on the wall clock.

    :param now: the database's clock; nothing was measured after it.
    """
    return min(word.time, now) - word.elapsed


def merge(
    account: Account,
    word: measurement.Measurement,
    now: float,
    takeover: float,
) -> str:
    """Let a plausible word change the account of its probe.

    :param now: the database's clock.
    :param takeover: seconds of silence after which an owner is given up.
    :returns: what became of it: ``credited``, ``pending``, ``overlap``,
        ``nothing-new``, ``folded`` or ``voided``.
    """
    key = word.register
    if key.incarnation <= account.floors.get(key.agent, -1):
        return 'folded'
    owner = account.owner
    if owner is not None and owner.name == (key.agent, key.id):
        if word.elapsed <= owner.elapsed:
            return 'nothing-new'
        _credit(account, _advance(owner, word, now))
        account.heard_at, account.latest = now, word
        return 'credited'
    register = account.others.get((key.agent, key.id))
    if register is None:
        register = RegisterState(key, began(word, now), now)
        account.others[register.name] = register
    elif register.voided:
        return 'voided'
    elif word.elapsed <= register.elapsed:
        return 'nothing-new'
    return _merge_other(account, register, word, now, takeover)


def _merge_other(
    account: Account,
    register: RegisterState,
    word: measurement.Measurement,
    now: float,
    takeover: float,
) -> str:
    increment = _advance(register, word, now)
    owner = account.owner
    if owner is None or _succeeds(register, owner):
        _credit(account, increment)
        _take_over(account, register, word, now)
        return 'credited'
    if _is_unbilled(account, register.key.agent, increment):
        _credit(account, increment)
        if register.billed_from is None:
            register.billed_from = increment.since
        return 'credited'
    if increment.since < owner.moment:
        register.overlap += increment.millijoules
        return 'overlap'
    _hold(register, owner, increment)
    if register.began >= owner.moment or now - account.heard_at > takeover:
        account.millijoules += register.pending
        register.pending = 0
        _take_over(account, register, word, now)
        return 'credited'
    return 'pending'


def _succeeds(register: RegisterState, owner: RegisterState) -> bool:
    return (
        register.key.agent == owner.key.agent
        and register.key.incarnation > owner.key.incarnation
    )


def _is_unbilled(account: Account, agent: str, increment: Increment) -> bool:
    """Tell whether no other agent is billed for the time of an increment."""
    return not any(
        increment.since < last and increment.until > first
        for first, last in _billed_elsewhere(account, agent)
    )


def _billed_elsewhere(
    account: Account,
    agent: str,
) -> collections.abc.Iterator[tuple[float, float]]:
    """Give the spans of time for which other agents are billed."""
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
            yield register.billed_from, register.moment


def _advance(
    register: RegisterState, word: measurement.Measurement, now: float
) -> Increment:
    increment = Increment(
        register.moment,
        register.began + word.elapsed,
        max(0, word.millijoules - register.millijoules),
        word.elapsed - register.elapsed,
        max(0.0, word.metered - register.metered),
    )
    register.millijoules += increment.millijoules
    register.elapsed = word.elapsed
    register.metered += increment.metered
    register.heard_at = now
    return increment


def _credit(account: Account, increment: Increment) -> None:
    account.millijoules += increment.millijoules
    account.elapsed += increment.elapsed
    account.metered += increment.metered


def _hold(
    register: RegisterState, owner: RegisterState, increment: Increment
) -> None:
    if register.pending_mark != owner.elapsed:
        register.overlap += register.pending
        register.pending = 0
    register.pending_mark = owner.elapsed
    register.pending += increment.millijoules


def _take_over(
    account: Account,
    register: RegisterState,
    word: measurement.Measurement,
    now: float,
) -> None:
    """Make a register the owner; what it held is credited already."""
    former = account.owner
    register.overlap += register.pending
    register.pending, register.pending_mark = 0, 0.0
    if register.billed_from is None:
        register.billed_from = register.began
    if former is not None:
        account.others[former.name] = former
    account.others.pop(register.name, None)
    account.owner = register
    account.heard_at, account.latest = now, word


def void(account: Account, agent: str, register_id: str) -> int:
    """Strike a register: its energy goes, later words of it are refused.

    :returns: the millijoules by which the probe's energy fell.
    :raises KeyError: when the probe has no such register.
    """
    owner = account.owner
    if owner is not None and owner.name == (agent, register_id):
        account.owner = None
        account.others[owner.name] = owner
    register = account.others[agent, register_id]
    if register.voided:
        return 0
    struck = register.credited
    account.millijoules -= struck
    if register.billed_from is not None:
        account.elapsed -= min(account.elapsed, register.elapsed)
        account.metered -= min(account.metered, register.metered)
    register.voided = True
    return struck
