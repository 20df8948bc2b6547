# SPDX-License-Identifier: Apache-2.0

"""Fuzzing target: accounts are correct for any measurements.

The measurements are those that an envelope can contain, plausible or not, in
any order, as from defective or malicious agents. An operator voids registers
in between.
"""

import functools
import math

import sqlalchemy as sa

from energy_meter import measurement
from energy_meter.collector import administration
from energy_meter.collector import merge
from energy_meter.collector import plausibility
from energy_meter.db import schema
from energy_meter.tests.fuzz import draw
from energy_meter.tests.unit.collector import databases
from energy_meter.tests.unit.collector import world

_MAX_WATTS = 100_000.0
_AGENTS = tuple(
    f'{letter * 8}-0000-0000-0000-000000000000' for letter in 'abc'
)
_MAX_BATCHES, _MAX_MEASUREMENTS = 10, 5
_EPOCH = 1.7e9


def seeds() -> list[bytes]:
    """Return the initial inputs."""
    return [bytes(64), bytes(range(256)) * 2, b'\x01' * 256]


@functools.cache
def _tables() -> sa.Engine:
    engine = sa.create_engine('sqlite://')
    schema.metadata.create_all(engine)
    return engine


def run_tables(data: bytes) -> None:
    """Merge batches into an account and into the tables of SQLite.

    :raises AssertionError: if the account breaks a rule or differs from the
        tables.
    """
    databases.empty(_tables())
    run(data, _tables())


def run(data: bytes, engine: sa.Engine | None = None) -> None:
    """Merge batches into an account.

    :param engine: of tables into which the batches are merged as well.
    :raises AssertionError: if the account breaks a rule or differs from the
        tables.
    """
    source = draw.Draw(data)
    account = merge.ProbeAccount()
    reported: dict[tuple[str, str], int] = {}
    now = _EPOCH
    for _ in range(_MAX_BATCHES):
        if not source:
            break
        now += source.integer(2**16) / 16
        measurements = [
            received
            for received in (
                _measurement(source, now)
                for _ in range(source.integer(_MAX_MEASUREMENTS))
            )
            if plausibility.is_plausible(received, _MAX_WATTS)
        ]
        before = account.millijoules
        world.merge_all(account, measurements, now, databases.TAKEOVER)
        for received in measurements:
            name = received.register.agent, received.register.id
            reported[name] = max(reported.get(name, 0), received.millijoules)
        _check(account, before, reported)
        if engine is not None:
            databases.deliver(engine, measurements, now)
        if not source.integer(8):
            _void(account, source, reported, engine)
        if engine is not None:
            databases.check(account, databases.load(engine, 'p'), 'the tables')


def _void(
    account: merge.ProbeAccount,
    source: draw.Draw,
    reported: dict[tuple[str, str], int],
    engine: sa.Engine | None,
) -> None:
    """Void a register, if there is one."""
    if not reported:
        return
    agent, register = source.choice(sorted(reported))
    before = account.millijoules
    voided = merge.void(account, agent, register)
    assert account.millijoules == before - voided
    if engine is not None:
        with engine.begin() as connection:
            assert voided == administration.void(
                connection, 'p', agent, register, 'fuzzer'
            )
    _check(account, account.millijoules, reported)


def _measurement(source: draw.Draw, now: float) -> measurement.Measurement:
    """Return a measurement; one in four has values of any magnitude."""
    if source.integer(4):
        elapsed = source.integer(2**16) / 4
        millijoules = source.integer(2**20)
        timestamp = now + source.integer(2**12) - 2**11
    else:
        elapsed = source.number()
        millijoules = source.integer(measurement.INTEGER_LIMIT)
        timestamp = source.number()
    return measurement.Measurement(
        measurement.Probe('p', 'node', 'p', 'w', 'dummy', 'agent'),
        measurement.RegisterKey(
            source.choice(_AGENTS),
            f'{source.integer(3):016x}',
            source.integer(3),
        ),
        timestamp,
        elapsed,
        millijoules,
        elapsed if source.integer(2) else source.number(),
        source.number() if source.integer(2) else None,
    )


def _check(
    account: merge.ProbeAccount,
    before: int,
    reported: dict[tuple[str, str], int],
) -> None:
    registers = list(account.others.values())
    if account.owner is not None:
        registers.append(account.owner)
    assert account.millijoules >= before, 'the energy fell'
    assert account.millijoules == sum(
        register.billed for register in registers if not register.voided
    ), 'the sum is wrong'
    assert account.millijoules <= sum(reported.values()), (
        'more energy than was reported'
    )
    for register in registers:
        assert min(register.overlap, register.pending, register.billed) >= 0, (
            register
        )
    for value in (
        account.elapsed,
        account.metered_seconds,
        account.last_seen_at,
    ):
        assert math.isfinite(value), account
