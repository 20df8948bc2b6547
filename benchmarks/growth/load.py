# SPDX-License-Identifier: Apache-2.0

"""Cost of measurements for a number of probes, and the largest number."""

import collections.abc
import math
import os
import time
import typing

import sqlalchemy as sa

from benchmarks import chain
from benchmarks import processes
from benchmarks import steady
from benchmarks.growth import figures
from benchmarks.growth import sites
from energy_meter.db import schema
from energy_meter.tests.functional import simulation

#: Seconds after the first energy of all probes, and the maximum until all
#: values are new. A machine that is full does not get there.
_WARM_UP_S, _CATCH_UP_S = 5.0, 30.0
#: Number of probes whose age is measured.
_WATCHED = 8
#: Steps in the search for the size at which the machine is full.
_STEP = 10**0.1
_MAX_STEPS = 5

#: Tables that each batch updates.
_HOT_TABLES = ('register', 'probe')
_OLDEST = sa.select(sa.func.min(schema.register.c.timestamp))
_CONNECTIONS = sa.text(
    """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND pid != pg_backend_pid()
    """
)
_DATABASE = sa.text(
    """
    SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0'),
        100 * sum(n_tup_hot_upd) / greatest(sum(n_tup_upd), 1),
        sum(pg_total_relation_size(relid)) / 1048576
    FROM pg_stat_user_tables WHERE relname = ANY(:tables)
    """
)


class _Database(typing.NamedTuple):
    """State of PostgreSQL, as in :class:`figures.Load`.

    :ivar wal: bytes that it has logged.
    :ivar oldest_s: age of the oldest value.
    """

    wal: float
    hot_updates: float
    hot_mib: float
    oldest_s: float


class _State(typing.NamedTuple):
    """What has been used and counted so far.

    :ivar received: measurements that the collector received.
    :ivar coalesced: measurements that agents dropped for newer ones.
    """

    time: float
    usages: dict[str, processes.Usage]
    received: float
    coalesced: float
    database: _Database


def measure(
    probes: int,
    interval: float,
    seconds: float,
    settings: collections.abc.Mapping[str, str] = chain.DEFAULTS,
) -> figures.Load:
    """Return the cost of measurements of a number of probes.

    :param seconds: minimum duration of each of two windows: one for the
        costs, and one in which the API is asked for ages.
    :param settings: of PostgreSQL, where they differ from its defaults.
    :raises AssertionError: if energy is lost.
    """
    # The API has to show a new value of each probe that is watched.
    seconds = max(seconds, 2 * interval)
    agents = math.ceil(probes / sites.MAX_AGENT_PROBES)
    simulation.report(f'{probes} probes, each {interval:g} s')
    with chain.Chain(probes, interval, True, agents, settings) as path:
        time.sleep(_WARM_UP_S)
        _catch_up(path, interval + figures.MAX_AGE_S)
        first = _state(path)
        time.sleep(seconds)
        last = _state(path)
        step = max(probes // _WATCHED, 1)
        watched = [f'probe-{each:05}' for each in range(0, probes, step)]
        with steady.Watch(path.api, watched[:_WATCHED]) as watch:
            time.sleep(seconds)
        connections = int(_ask(path, _CONNECTIONS)[0])
        ages = sorted(watch.ages)
        load = _load(path, interval, (first, last), ages, connections)
        # What waits on a full machine takes minutes to arrive.
        if not load.waits:
            path.verify()
    return load


def _catch_up(path: chain.Chain, age: float) -> None:
    """Wait until no value in the database is older than an age in seconds.

    What agents read while others started has to be written first.
    """
    deadline = time.monotonic() + _CATCH_UP_S
    while _oldest_s(path) > age and time.monotonic() < deadline:
        time.sleep(1.0)


def _ask(path: chain.Chain, query: sa.Executable) -> list[float]:
    """Return the columns of the row of a query.

    Its connection is the one of the chain, which does not count.
    """
    with path.engine.connect() as connection:
        row = connection.execute(query, {'tables': list(_HOT_TABLES)}).one()
        return [float(value) for value in row]


def _oldest_s(path: chain.Chain) -> float:
    return time.time() - _ask(path, _OLDEST)[0] / 1000


def _state(path: chain.Chain) -> _State:
    return _State(
        time.monotonic(),
        path.usages(),
        path.counted('collector', 'measurements_received'),
        sum(path.counted(name, 'backlog_coalesced') for name in path.agents),
        _Database(*_ask(path, _DATABASE), _oldest_s(path)),
    )


def _load(
    path: chain.Chain,
    interval: float,
    window: tuple[_State, _State],
    ages: list[float],
    connections: int,
) -> figures.Load:
    first, last = window
    elapsed = last.time - first.time
    received = last.received - first.received
    if not received or not ages:
        raise AssertionError(f'{received} measurements, ages {ages}')
    shares = {
        name: (usage.seconds - first.usages[name].seconds) / elapsed * 100
        for name, usage in last.usages.items()
    }
    programs = [
        sum(shares[name] for name in path.agents),
        *(shares[name] for name in ('collector', 'PostgreSQL', 'RabbitMQ')),
    ]
    return figures.Load(
        path.probes,
        interval,
        len(path.agents),
        # From percent of a core to µs a measurement.
        *(share / 100 * elapsed / received * 1e6 for share in programs),
        sum(programs),
        # PostgreSQL and RabbitMQ use more than one core.
        max(shares[name] for name in (*path.agents, 'collector')),
        sum(last.usages[name].memory for name in path.agents),
        last.usages['collector'].memory,
        steady.p99(ages),
        max(last.database.oldest_s - interval, 0.0),
        round(last.coalesced),
        (last.database.wal - first.database.wal) / received,
        last.database.hot_updates,
        last.database.hot_mib,
        connections,
    )


def fill(
    loads: collections.abc.Iterable[figures.Load], seconds: float
) -> list[figures.Load]:
    """Return loads around the size at which this machine is full.

    The last two are neighbors, of which one waits and one does not.

    :param loads: of which the largest at 1 Hz says where to begin.
    :param seconds: as in :func:`measure`.
    """
    known = max(load for load in loads if load.interval == 1)
    # With all cores busy.
    guess = known.probes * (os.cpu_count() or 1) * 100 / known.percent
    exponent = math.floor(math.log(guess, _STEP))
    found: list[figures.Load] = []
    for _ in range(_MAX_STEPS):
        found.append(measure(_size(exponent), 1.0, seconds))
        if len({load.waits for load in found}) > 1:
            break
        exponent += -1 if found[-1].waits else 1
    return found


def _size(exponent: int) -> int:
    """Return a power of the step, rounded to two digits."""
    size = _STEP**exponent
    unit = 10 ** (math.floor(math.log10(size)) - 1)
    return int(round(size / unit) * unit)
