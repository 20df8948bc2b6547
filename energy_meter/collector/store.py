# SPDX-License-Identifier: Apache-2.0

"""Words of registers into the database: one batch, one transaction."""

import collections
import collections.abc
import typing

import sqlalchemy as sa

from energy_meter import measurement
from energy_meter.collector import accounts
from energy_meter.collector import merge
from energy_meter.db import schema
from energy_meter.db import upsert

#: Rows in one statement: well below MariaDB's smallest packet limit.
_CHUNK = 5000
#: Seconds that clocks may differ before anybody is told.
_SKEW = 1.0

_Words = list[measurement.Measurement]


class Tally(typing.NamedTuple):
    """What became of a batch.

    :ivar outcomes: how many words were credited, pending and so on.
    :ivar ahead: by how many seconds words came from the future, and from
        which agent, for each that did so clearly.
    :ivar overlapping: words that are not billed because another agent
        meters the same probe.
    :ivar excluded: words of agents that an operator excluded.
    """

    outcomes: collections.Counter[str]
    ahead: list[tuple[float, str]]
    overlapping: _Words
    excluded: _Words


def write(
    connection: sa.Connection, words: _Words, now: float, takeover: float
) -> Tally:
    """Merge the newest words of registers, all in the caller's transaction.

    :param words: as :func:`energy_meter.collector.merge.newest` gives them.
    :param now: the database's clock.
    :param takeover: seconds of silence after which an owner is given up.
    """
    words, excluded = _divide(connection, words)
    timely = [
        word if word.time <= now else word._replace(time=now) for word in words
    ]
    tally = Tally(
        collections.Counter(),
        [
            (word.time - now, word.probe.agent)
            for word in words
            if word.time > now + _SKEW
        ],
        [],
        excluded,
    )
    if excluded:
        tally.outcomes['excluded'] = len(excluded)
    _write_others(
        connection,
        _write_owners(connection, timely, now, tally),
        now,
        takeover,
        tally,
    )
    return tally


def _divide(connection: sa.Connection, words: _Words) -> tuple[_Words, _Words]:
    """Tell words that may be merged from those of excluded agents."""
    banned = set(connection.scalars(sa.select(schema.exclusion.c.agent)))
    if not banned:
        return words, []
    return (
        [word for word in words if word.register.agent not in banned],
        [word for word in words if word.register.agent in banned],
    )


def _write_owners(
    connection: sa.Connection, words: _Words, now: float, tally: Tally
) -> _Words:
    """Write what the upsert takes; give back what it left."""
    left: _Words = []
    while words:
        # At most one word a probe; further ones wait for the next round, or
        # go the long way once the probe is known to have another owner.
        first: dict[str, measurement.Measurement] = {}
        rest = [
            word
            for word in words
            if first.setdefault(word.probe.id, word) is not word
        ]
        owners = _upsert(connection, list(first.values()), now)
        for word in first.values():
            owner = owners.get(word.probe.id)
            if owner is None:
                tally.outcomes['folded'] += 1
            elif owner == (word.register.agent, word.register.id):
                tally.outcomes['credited'] += 1
            else:
                left.append(word)
        left += [word for word in rest if word.probe.id in owners]
        words = [word for word in rest if word.probe.id not in owners]
    return left


def _upsert(
    connection: sa.Connection, words: _Words, now: float
) -> dict[str, tuple[str, str]]:
    owners: dict[str, tuple[str, str]] = {}
    for at in range(0, len(words), _CHUNK):
        owners |= upsert.execute(
            connection, [_row(word, now) for word in words[at : at + _CHUNK]]
        )
    return owners


def _row(word: measurement.Measurement, now: float) -> upsert.Row:
    probe, register = word.probe, word.register
    return (
        probe.id,
        probe.wattmeter,
        probe.driver,
        probe.scope,
        probe.host,
        probe.agent,
        word.time,
        word.watts,
        word.volts,
        word.amperes,
        now,
        register.agent,
        register.id,
        register.incarnation,
        merge.began(word, now),
        word.millijoules,
        word.metered,
        word.elapsed,
    )


def _write_others(
    connection: sa.Connection,
    words: _Words,
    now: float,
    takeover: float,
    tally: Tally,
) -> None:
    """Write words of registers that are not the owner, or were not."""
    if not words:
        return
    # As they were: earlier incarnations first.
    words.sort(key=lambda word: (word.probe.id, word.register.incarnation))
    probes = sorted({word.probe.id for word in words})
    for at in range(0, len(probes), _CHUNK):
        some = set(probes[at : at + _CHUNK])
        loaded = accounts.load(connection, sorted(some))
        for word in words:
            if word.probe.id in some:
                outcome = merge.merge(
                    loaded[word.probe.id], word, now, takeover
                )
                tally.outcomes[outcome] += 1
                if outcome in ('overlap', 'pending'):
                    tally.overlapping.append(word)
        accounts.save(connection, loaded)
