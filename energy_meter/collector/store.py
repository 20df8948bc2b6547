# SPDX-License-Identifier: Apache-2.0

"""Writes a batch of measurements to the database."""

import collections
import collections.abc
import typing

import sqlalchemy as sa

from energy_meter import measurement
from energy_meter.collector import accounts
from energy_meter.collector import merge
from energy_meter.db import schema
from energy_meter.db import upsert

#: Number of rows in one statement, well below MariaDB's smallest packet limit.
_CHUNK = 5000
#: Difference between clocks above which it is reported.
_MAX_CLOCK_SKEW_S = 1.0

_Measurements = list[measurement.Measurement]


class BatchResult(typing.NamedTuple):
    """Result of writing a batch.

    :ivar outcomes: number of measurements by outcome.
    :ivar clock_skews: agents whose measurements are dated in the future, as
        pairs of the difference in seconds and the agent's name. Differences
        that are within the tolerance are left out.
    :ivar overlapping: measurements that are not billed because another agent
        meters the same probe.
    :ivar disabled: measurements of disabled agents.
    """

    outcomes: collections.Counter[merge.Outcome]
    clock_skews: list[tuple[float, str]]
    overlapping: _Measurements
    disabled: _Measurements


def write(
    connection: sa.Connection,
    measurements: _Measurements,
    db_now: float,
    takeover: float,
) -> BatchResult:
    """Merge measurements, all in the caller's transaction.

    :param measurements: the newest of each register, as returned by
        :func:`energy_meter.collector.merge.newest`.
    :param db_now: the database's clock.
    :param takeover: time in seconds without an update of the owner after which
        another register takes over.
    """
    accepted, disabled = _partition(connection, measurements)
    clamped = [
        received
        if received.timestamp <= db_now
        else received._replace(timestamp=db_now)
        for received in accepted
    ]
    result = BatchResult(
        collections.Counter(),
        [
            (received.timestamp - db_now, received.probe.agent)
            for received in accepted
            if received.timestamp > db_now + _MAX_CLOCK_SKEW_S
        ],
        [],
        disabled,
    )
    if disabled:
        result.outcomes[merge.Outcome.AGENT_DISABLED] = len(disabled)
    remaining = _write_owners(connection, clamped, db_now, result)
    _write_others(connection, remaining, db_now, takeover, result)
    return result


def _partition(
    connection: sa.Connection, measurements: _Measurements
) -> tuple[_Measurements, _Measurements]:
    """Separate the measurements of enabled agents from those of disabled."""
    agents = set(connection.scalars(sa.select(schema.disabled_agent.c.agent)))
    if not agents:
        return measurements, []
    return (
        [
            received
            for received in measurements
            if received.register.agent not in agents
        ],
        [
            received
            for received in measurements
            if received.register.agent in agents
        ],
    )


def _write_owners(
    connection: sa.Connection,
    measurements: _Measurements,
    db_now: float,
    result: BatchResult,
) -> _Measurements:
    """Write the measurements that the upsert can merge.

    :returns: the measurements that it cannot merge.
    """
    remaining: _Measurements = []
    while measurements:
        # At most one measurement per probe. Further ones wait for the next
        # round; if the probe turns out to have another owner, the upsert
        # cannot merge them.
        first: dict[str, measurement.Measurement] = {}
        rest = [
            received
            for received in measurements
            if first.setdefault(received.probe.id, received) is not received
        ]
        owners = _upsert(connection, list(first.values()), db_now)
        for received in first.values():
            owner = owners.get(received.probe.id)
            if owner is None:
                result.outcomes[merge.Outcome.STALE_INCARNATION] += 1
            elif owner == (received.register.agent, received.register.id):
                result.outcomes[merge.Outcome.BILLED] += 1
            else:
                remaining.append(received)
        remaining += [
            received for received in rest if received.probe.id in owners
        ]
        measurements = [
            received for received in rest if received.probe.id not in owners
        ]
    return remaining


def _upsert(
    connection: sa.Connection, measurements: _Measurements, db_now: float
) -> dict[str, tuple[str, str]]:
    owners: dict[str, tuple[str, str]] = {}
    for start in range(0, len(measurements), _CHUNK):
        owners |= upsert.execute(
            connection,
            [
                _row(received, db_now)
                for received in measurements[start : start + _CHUNK]
            ],
        )
    return owners


def _row(received: measurement.Measurement, db_now: float) -> upsert.Row:
    probe, register = received.probe, received.register
    return (
        probe.id,
        probe.wattmeter,
        probe.driver,
        probe.scope,
        probe.host,
        probe.agent,
        received.timestamp,
        received.watts,
        received.volts,
        received.amperes,
        db_now,
        register.agent,
        register.id,
        register.incarnation,
        merge.opened_at(received, db_now),
        received.millijoules,
        received.metered_seconds,
        received.elapsed,
    )


def _write_others(
    connection: sa.Connection,
    measurements: _Measurements,
    db_now: float,
    takeover: float,
    result: BatchResult,
) -> None:
    """Write measurements of registers that are not the owner."""
    # Earlier incarnations first, in the order in which they were metered.
    measurements.sort(
        key=lambda received: (received.probe.id, received.register.incarnation)
    )
    probes = sorted({received.probe.id for received in measurements})
    for start in range(0, len(probes), _CHUNK):
        chunk = set(probes[start : start + _CHUNK])
        loaded = accounts.load(connection, sorted(chunk))
        for received in measurements:
            if received.probe.id not in chunk:
                continue
            outcome = merge.merge(
                loaded[received.probe.id], received, db_now, takeover
            )
            result.outcomes[outcome] += 1
            if outcome in (merge.Outcome.OVERLAP, merge.Outcome.PENDING):
                result.overlapping.append(received)
        accounts.save(connection, loaded)
