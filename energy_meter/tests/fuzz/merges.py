# SPDX-License-Identifier: Apache-2.0

"""Fuzz target: whatever agents say, accounts stay right.

Agents here say anything that the envelope lets pass, plausible or not, in any
order, as if they had broken or lied; and an operator strikes registers.
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
_MOST_BATCHES, _MOST_WORDS = 10, 5
_EPOCH = 1.7e9


def seeds() -> list[bytes]:
    """Give inputs to begin with."""
    return [bytes(64), bytes(range(256)) * 2, b'\x01' * 256]


@functools.cache
def _tables() -> sa.Engine:
    engine = sa.create_engine('sqlite://')
    schema.metadata.create_all(engine)
    return engine


def try_tables(data: bytes) -> None:
    """Merge batches into an account and into SQLite's tables alike.

    :raises AssertionError: when the account breaks a rule, or the tables
        say otherwise.
    """
    databases.empty(_tables())
    try_one(data, _tables())


def try_one(data: bytes, engine: sa.Engine | None = None) -> None:
    """Merge batches into an account.

    :param engine: of tables in which the same is done.
    :raises AssertionError: when the account breaks a rule, or the tables
        say otherwise.
    """
    source = draw.Draw(data)
    account = merge.Account()
    said: dict[tuple[str, str], int] = {}
    now = _EPOCH
    for _ in range(_MOST_BATCHES):
        if not source:
            break
        now += source.integer(2**16) / 16
        words = [
            word
            for word in (
                _word(source, now) for _ in range(source.integer(_MOST_WORDS))
            )
            if plausibility.is_plausible(word, _MAX_WATTS)
        ]
        before = account.millijoules
        world.merge_all(account, words, now, databases.TAKEOVER)
        for word in words:
            name = word.register.agent, word.register.id
            said[name] = max(said.get(name, 0), word.millijoules)
        _check(account, before, said)
        if engine is not None:
            databases.deliver(engine, words, now)
        if not source.integer(8):
            _void(account, source, said, engine)
        if engine is not None:
            databases.check(account, databases.load(engine, 'p'), 'the tables')


def _void(
    account: merge.Account,
    source: draw.Draw,
    said: dict[tuple[str, str], int],
    engine: sa.Engine | None,
) -> None:
    """Strike a register, if there is one."""
    if not said:
        return
    agent, register = source.choice(sorted(said))
    before = account.millijoules
    struck = merge.void(account, agent, register)
    assert account.millijoules == before - struck
    if engine is not None:
        with engine.begin() as connection:
            assert struck == administration.void(
                connection, 'p', agent, register, 'fuzzer'
            )
    _check(account, account.millijoules, said)


def _word(source: draw.Draw, now: float) -> measurement.Measurement:
    """Make a word of any size, though mostly of a sensible one."""
    if source.integer(4):
        elapsed = source.integer(2**16) / 4
        millijoules = source.integer(2**20)
        time = now + source.integer(2**12) - 2**11
    else:
        elapsed = source.number()
        millijoules = source.integer(measurement.INTEGER_LIMIT)
        time = source.number()
    return measurement.Measurement(
        measurement.Probe('p', 'node', 'p', 'w', 'dummy', 'agent'),
        measurement.RegisterKey(
            source.choice(_AGENTS),
            f'{source.integer(3):016x}',
            source.integer(3),
        ),
        time,
        elapsed,
        millijoules,
        elapsed if source.integer(2) else source.number(),
        source.number() if source.integer(2) else None,
    )


def _check(
    account: merge.Account, before: int, said: dict[tuple[str, str], int]
) -> None:
    registers = list(account.others.values())
    if account.owner is not None:
        registers.append(account.owner)
    assert account.millijoules >= before, 'the energy fell'
    assert account.millijoules == sum(
        register.credited for register in registers if not register.voided
    ), 'the sum is wrong'
    assert account.millijoules <= sum(said.values()), 'more than was said'
    for register in registers:
        assert (
            min(register.overlap, register.pending, register.credited) >= 0
        ), register
    for value in (account.elapsed, account.metered, account.heard_at):
        assert math.isfinite(value), account
