# SPDX-License-Identifier: Apache-2.0

"""Compares the energy of the meters with the energy in the database."""

import collections
import collections.abc
import itertools
import time
import typing

import sqlalchemy as sa

from energy_meter import measurement
from energy_meter.billing import cells
from energy_meter.billing import profile
from energy_meter.collector import days
from energy_meter.db import engine as db_engine
from energy_meter.db import schema
from energy_meter.db import tips
from energy_meter.tests.faults import installation
from energy_meter.tests.faults import verdict
from energy_meter.tests.functional.services import agent_state
from energy_meter.tests.unit.collector import closings
from energy_meter.tests.unit.db import curves

#: Seconds until the final measurements must have reached the database.
ARRIVAL_TIMEOUT_S = 60.0

_HOUR_MS = round(installation.HOUR * 1000)


class _Register(typing.NamedTuple):
    """What the database contains of a register, in ms and mJ.

    :ivar heard: date of its opening according to the arrival of its
        measurements.
    :ivar overlap: energy that is billed for another register.
    """

    probe: str
    key: verdict.Key
    elapsed: int
    millijoules: int
    metered: int
    heard: int
    overlap: int


def reconcile(site: installation.Installation) -> verdict.Verdict:
    """Stop metering, await the final measurements and compare.

    :raises AssertionError: if closed days are not what the curves give.
    """
    site.stop_agents()
    finals = _finals(site)
    _await(site, finals)
    for name in installation.COLLECTORS:
        site.processes[name].stop()
    registers = _registers(site)
    found = verdict.judge(
        _lifetimes(finals, registers, site.deaths),
        _bills(site, registers),
        installation.WATTS,
        site.spans(),
        site.shared_probes(),
    )
    _close_days(site)
    return found


def has_arrived(
    site: installation.Installation, latest: measurement.Measurement
) -> bool:
    """Check whether the database has a measurement, or a later one."""
    return any(
        register.key == latest.register and register.elapsed >= latest.elapsed
        for register in _registers(site)
    )


def alarms(site: installation.Installation) -> set[str]:
    """Return the alarms of all probes."""
    rows = _query(site, sa.select(schema.probe.c.alarms))
    return {alarm for row in rows for alarm in row.alarms.split()}


def _finals(
    site: installation.Installation,
) -> dict[verdict.Key, measurement.Measurement]:
    """Return the last measurement of each register that an agent saved."""
    finals: dict[verdict.Key, measurement.Measurement] = {}
    states = [
        agent_state.saved(site.state(name)).values()
        for name in installation.AGENTS
    ]
    for saved in itertools.chain(site.finals, *states):
        previous = finals.setdefault(saved.register, saved)
        if saved.elapsed > previous.elapsed:
            finals[saved.register] = saved
    return finals


def _await(
    site: installation.Installation,
    finals: dict[verdict.Key, measurement.Measurement],
) -> None:
    """Wait until the final measurements are in the database and settled.

    After the timeout, the verdict counts what is missing as lost.
    """
    deadline = time.monotonic() + ARRIVAL_TIMEOUT_S
    contested = sa.select(schema.probe.c.id).where(schema.probe.c.contested)
    while time.monotonic() < deadline:
        arrived = {
            register.key: register.elapsed for register in _registers(site)
        }
        if not _query(site, contested) and all(
            arrived.get(key, -1) >= final.elapsed
            for key, final in finals.items()
        ):
            return
        time.sleep(0.2)


def _close_days(site: installation.Installation) -> None:
    """Close all days of all probes, as collectors will do, and check them."""
    engine = sa.create_engine(site.url, poolclass=sa.NullPool)
    later = round(time.time() * 1000) + days.MAX_UNSEEN_MS + 2 * days.DAY_MS
    waiting = closings.close(engine, later)
    if waiting or not closings.assert_agree(engine, later):
        raise AssertionError(f'days are not closed: {waiting}')


def _query(
    site: installation.Installation, statement: sa.Select[typing.Any]
) -> collections.abc.Sequence[sa.Row[typing.Any]]:
    engine = sa.create_engine(site.url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        return connection.execute(statement).all()


def _bills(
    site: installation.Installation, registers: list[_Register]
) -> dict[str, verdict.Bill]:
    """Return what each probe is billed for."""
    shares: dict[str, dict[verdict.Key, int]] = collections.defaultdict(dict)
    for register in registers:
        shares[register.probe][register.key] = (
            register.millijoules - register.overlap
        )
    rows = _query(
        site,
        sa.select(
            schema.probe.c.id, tips.MILLIJOULES, schema.probe.c.shown
        ).select_from(tips.PROBES),
    )
    intervals = _intervals(site, registers)
    return {
        name: verdict.Bill(
            total, shares[name], max(0, shown - total), intervals[name]
        )
        for name, total, shown in rows
    }


def _intervals(
    site: installation.Installation, registers: list[_Register]
) -> dict[str, list[int]]:
    """Return the energy of each quarter-hour, by probe."""
    engine = sa.create_engine(site.url, poolclass=sa.NullPool)
    with db_engine.snapshot(engine) as connection:
        return {
            name: [
                each.millijoules
                for each in profile.intervals(
                    curves.load(connection, name),
                    _dates(opened for _, opened in members),
                )
            ]
            for name, members in itertools.groupby(
                sorted((each.probe, each.heard) for each in registers),
                key=lambda each: each[0],
            )
        }


def _dates(opened: collections.abc.Iterable[int]) -> range:
    """Return the boundaries of the quarter-hours of registers.

    :param opened: when each was opened; a clock is wrong by an hour at most.
    """
    since = cells.start_of(min(opened) - 2 * _HOUR_MS)
    until = round(time.time() * 1000) + 2 * _HOUR_MS
    return range(since, until, cells.CELL_MS)


def _registers(site: installation.Installation) -> list[_Register]:
    column, overlap = schema.register.c, schema.overlap.c
    return [
        _Register(
            row.probe,
            (row.agent, row.register),
            row.elapsed,
            row.millijoules,
            row.metered,
            min(row.lag0, row.lag1, row.lag2, row.lag3, row.lag4),
            # PostgreSQL adds integers to decimals.
            int(row.overlap or 0),
        )
        for row in _query(
            site,
            sa.select(
                schema.register,
                sa.select(sa.func.sum(overlap.millijoules))
                .where(overlap.register == column.number)
                .scalar_subquery()
                .label('overlap'),
            ),
        )
    ]


def _lifetimes(
    finals: dict[verdict.Key, measurement.Measurement],
    registers: list[_Register],
    deaths: dict[measurement.RegisterKey, float],
) -> collections.abc.Iterator[verdict.Lifetime]:
    """Yield the lifetime of each register.

    Only the database has what an agent that was killed published after its
    last checkpoint.

    :param deaths: time at which the agent of a register was killed.
    """
    stored = {register.key: register for register in registers}
    for key, saved in finals.items():
        register = stored.get(key)
        own = saved.timestamp - saved.elapsed
        opened = own if register is None else _opened(own, register.heard)
        last: measurement.Measurement | _Register = saved
        if (
            register is not None
            and key in deaths
            and register.elapsed > saved.elapsed
        ):
            last = register
        until = opened + last.elapsed
        yield verdict.Lifetime(
            saved.probe.id,
            key,
            (until - last.metered) / 1000,
            last.metered / 1000,
            last.millijoules,
            max(0.0, deaths[key] - until / 1000) if key in deaths else 0.0,
        )


def _opened(own: int, heard: int) -> int:
    """Return the date at which a register was opened.

    :param own: that date on the clock of its agent, which is wrong by whole
        hours.
    :param heard: that date according to messages, which are late by less than
        half an hour.
    """
    return own + round((heard - own) / _HOUR_MS) * _HOUR_MS
