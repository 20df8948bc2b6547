# SPDX-License-Identifier: Apache-2.0

"""Writes a batch of measurements to the database."""

import collections
import collections.abc
import itertools
import typing

import sqlalchemy as sa

from energy_meter import measurement
from energy_meter.collector import arrivals
from energy_meter.collector import extension
from energy_meter.collector import outcome
from energy_meter.collector import quotas
from energy_meter.db import documents
from energy_meter.db import marks
from energy_meter.db import schema
from energy_meter.db import upsert
from energy_meter.db import usage_marks

#: Number of rows in one statement, well below MariaDB's smallest packet limit.
#: With 5000, PostgreSQL takes 1 µs of CPU more for each row.
_CHUNK = 1000
_CPU_TIME = schema.Quantity.CPU_TIME
#: Difference between clocks above which it is reported.
_MAX_CLOCK_SKEW_MS = 1000

_Measurements = list[measurement.Measurement]
_Arrivals = dict[int, arrivals.Arrival]


class BatchResult(typing.NamedTuple):
    """Result of writing a batch.

    :ivar outcomes: number of registers by outcome.
    :ivar clock_skews: agents whose measurements are dated in the future, as
        pairs of the difference in ms and the agent's name. Differences that
        are within the tolerance are left out.
    :ivar rejected: number of measurements, or registers, that change nothing,
        by outcome and name of the agent.
    """

    outcomes: collections.Counter[outcome.Outcome]
    clock_skews: list[tuple[int, str]]
    rejected: collections.Counter[tuple[outcome.Outcome, str]]


def write(
    connection: sa.Connection,
    measurements: _Measurements,
    arrived_at: int,
    limits: quotas.Quotas | None = None,
) -> BatchResult:
    """Merge measurements, all in the caller's transaction.

    It locks rows of registers by number, then marks, then vectors, then
    probes by id. Every writer does so, and
    :mod:`energy_meter.collector.settling` waits for no lock, so transactions
    don't deadlock.

    :param connection: in a transaction that writes.
    :param arrived_at: the database's clock, in ms.
    :param limits: of what agents may add; None for no limits.
    """
    accepted, disabled = _partition(connection, measurements)
    result = _begin(accepted, disabled, arrived_at)
    batch = arrivals.collect(accepted)
    if limits is not None:
        _drop(batch, limits.excess(connection, batch), result)
    dated = _dated_marks(batch, arrived_at)
    new_marks = marks.unknown(connection, dated) if dated else []
    if limits is not None:
        new_marks = _limit_marks(batch, new_marks, limits, result)
    known = _note_changes(batch, dated, new_marks)
    unknown = {
        number: arrival
        for number, arrival in batch.items()
        if number not in known
    }
    written = _upsert(connection, unknown, arrived_at)
    marks.insert(connection, new_marks)
    _write_usage(connection, batch, new_marks, limits)
    _count_outcomes(connection, batch, written, arrived_at, result)
    return result


def _partition(
    connection: sa.Connection, measurements: _Measurements
) -> tuple[_Measurements, _Measurements]:
    """Separate the measurements of enabled agents from those of disabled."""
    agents = set(connection.scalars(sa.select(schema.disabled_agent.c.agent)))
    if not agents:
        return measurements, []
    accepted: _Measurements = []
    disabled: _Measurements = []
    for received in measurements:
        is_disabled = received.register.agent in agents
        (disabled if is_disabled else accepted).append(received)
    return accepted, disabled


def _begin(
    accepted: _Measurements, disabled: _Measurements, arrived_at: int
) -> BatchResult:
    """Return the result of a batch of which nothing is written yet."""
    result = BatchResult(
        collections.Counter(),
        [
            (received.timestamp - arrived_at, received.probe.agent)
            for received in accepted
            if received.timestamp > arrived_at + _MAX_CLOCK_SKEW_MS
        ],
        collections.Counter(
            (outcome.Outcome.AGENT_DISABLED, received.probe.agent)
            for received in disabled
        ),
    )
    if disabled:
        result.outcomes[outcome.Outcome.AGENT_DISABLED] = len(disabled)
    return result


def _drop(
    batch: _Arrivals,
    excess: dict[int, outcome.Outcome],
    result: BatchResult,
) -> None:
    """Remove the registers that are beyond a quota, and count them."""
    for number, reason in excess.items():
        arrival = batch.pop(number)
        result.outcomes[reason] += 1
        result.rejected[reason, arrival.last.probe.agent] += 1


def _dated_marks(batch: _Arrivals, arrived_at: int) -> list[marks.Row]:
    """Return the marks that can be written."""
    horizon = (arrived_at - marks.HORIZON_MS) // marks.SLOT_MS
    return [
        marks.Row(slot, number, elapsed, *values)
        for number, arrival in batch.items()
        for (slot, elapsed), values in arrival.marks.items()
        # An unset clock dates nothing. Every curve begins at its origin.
        if elapsed > 0 and (slot >= horizon or not arrival.synced)
    ]


def _limit_marks(
    batch: _Arrivals,
    new: list[marks.Row],
    limits: quotas.Quotas,
    result: BatchResult,
) -> list[marks.Row]:
    """Return the marks that are within the quota; count the others."""
    accepted = []
    for row in new:
        arrival = batch[row.register]
        usage = arrival.usages.get(row.elapsed)
        if limits.accept(row.register, usage):
            accepted.append(row)
        else:
            agent = arrival.last.probe.agent
            result.outcomes[outcome.Outcome.MARK_RATE] += 1
            result.rejected[outcome.Outcome.MARK_RATE, agent] += 1
    return accepted


def _note_changes(
    batch: _Arrivals, dated: list[marks.Row], new: list[marks.Row]
) -> set[int]:
    """Note where each curve changes.

    :param dated: marks that can be written.
    :param new: those that will be.
    :returns: the numbers of registers of which nothing but marks that were
        written before arrived. What is known of them does not change.
    """
    for row in new:
        arrival = batch[row.register]
        if arrival.settled_until is None:
            arrival.settled_until = row.elapsed - 1
        arrival.settled_until = min(arrival.settled_until, row.elapsed - 1)
    counts = collections.Counter(row.register for row in dated)
    return {
        number
        for number, arrival in batch.items()
        if arrival.marks
        and arrival.live is None
        and arrival.settled_until is None
        and counts[number] == len(arrival.marks)
    }


def _upsert(
    connection: sa.Connection, batch: _Arrivals, arrived_at: int
) -> upsert.Result:
    """Merge what arrived into the rows of registers."""
    rows = (
        arrival.row(number, elapsed, arrived_at)
        for number, arrival in batch.items()
        for elapsed in arrival.lags.values()
    )
    changed = 0
    dirty: dict[int, upsert.State] = {}
    while chunk := list(itertools.islice(rows, _CHUNK)):
        result = upsert.execute(connection, chunk, arrived_at)
        changed += result.changed
        for state in result.dirty:
            dirty.setdefault(state.number, state)
    # The rows of one register may be in two chunks.
    return upsert.Result(min(changed, len(batch)), list(dirty.values()))


def _write_usage(
    connection: sa.Connection,
    batch: _Arrivals,
    new: list[marks.Row],
    limits: quotas.Quotas | None,
) -> None:
    """Write the vectors of registers of CPU time.

    :param new: marks that are written.
    :param limits: of newest vectors, which count as marks: each may have a
        layout of its own, and layouts stay.
    """
    hosts = {
        number: arrival
        for number, arrival in batch.items()
        if arrival.quantity is _CPU_TIME
    }
    if not hosts:
        return
    usage_marks.write(
        connection,
        [
            usage_marks.Vector(row.register, row.elapsed, usage)
            for row in new
            if row.register in hosts
            and (usage := hosts[row.register].usages.get(row.elapsed))
        ],
        [
            usage_marks.Vector(number, live.elapsed, live.usage)
            for number, arrival in hosts.items()
            if (live := arrival.live) is not None
            and live.usage is not None
            and (limits is None or limits.accept(number, live.usage))
        ],
    )


def _count_outcomes(
    connection: sa.Connection,
    batch: _Arrivals,
    written: upsert.Result,
    arrived_at: int,
    result: BatchResult,
) -> None:
    """Bill what can be billed at once, contest the rest, and count both."""
    changes = [
        extension.Change(row.number, row.role, batch[row.number])
        for row in written.dirty
        if row.dirty == schema.Dirty.CHANGED
    ]
    extended = extension.extend(connection, changes, arrived_at)
    waiting = [row for row in written.dirty if row.number not in extended]
    expired = [
        row.number
        for row in waiting
        if row.role == schema.Role.UNBILLED
        and batch[row.number].is_expired(arrived_at)
    ]
    unchanged = len(batch) - written.changed
    void = _void(connection, batch) if unchanged else []
    counts = {
        outcome.Outcome.MERGED: written.changed - len(waiting),
        outcome.Outcome.CONTESTED: len(waiting) - len(expired),
        outcome.Outcome.EXPIRED: len(expired),
        outcome.Outcome.VOID: len(void),
        outcome.Outcome.DUPLICATE: unchanged - len(void),
    }
    result.outcomes.update({key: n for key, n in counts.items() if n})
    for reason, numbers in (
        (outcome.Outcome.EXPIRED, expired),
        (outcome.Outcome.VOID, void),
    ):
        result.rejected.update(
            (reason, batch[number].last.probe.agent) for number in numbers
        )


def _void(
    connection: sa.Connection, registers: collections.abc.Iterable[int]
) -> list[int]:
    """Return the numbers of those registers that are void."""
    received = documents.table(connection, {'number': documents.INTEGER})
    query = (
        sa.select(schema.register.c.number)
        .join_from(
            received,
            schema.register,
            schema.register.c.number == received.c.number,
        )
        .where(schema.register.c.voided)
    )
    rows = documents.pack((number,) for number in registers)
    return list(connection.scalars(query, rows))
