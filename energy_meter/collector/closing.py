# SPDX-License-Identifier: Apache-2.0

"""Closes days of probes.

A closed day that is not marked as changed is what the curves of the registers
give: whatever changes it marks it in the transaction that settles the probe
(:mod:`energy_meter.collector.fixing`).

Locks are those of :mod:`energy_meter.collector.settling`: the probe, and all
of its registers, so that nothing that a writer has not committed yet can be
overlooked. What is locked is skipped.
"""

import collections.abc

import sqlalchemy as sa

from energy_meter.collector import days
from energy_meter.collector import fixing
from energy_meter.collector import locks
from energy_meter.collector import settlement
from energy_meter.collector import settling
from energy_meter.collector import timelines
from energy_meter.db import changed_days
from energy_meter.db import closed_days
from energy_meter.db import histories
from energy_meter.db import schema

_PROBE = schema.probe

_Registers = dict[str, settlement.Registers]
#: By probe, which days can be closed.
Plans = dict[str, days.Plan]


def due(connection: sa.Connection, date: int) -> list[str]:
    """Return the IDs of probes of which a day may be old enough, sorted."""
    latest = date - days.MIN_AGE_MS - days.DAY_MS
    probe = _PROBE.c
    is_due = sa.or_(probe.closed_until.is_(None), probe.closed_until <= latest)
    return list(
        connection.scalars(
            sa.select(probe.id).where(is_due).order_by(probe.id)
        )
    )


def survey(
    connection: sa.Connection,
    names: collections.abc.Collection[str],
    db_now: int,
    date: int,
) -> Plans:
    """Return which days of probes can be closed, without locks and marks."""
    probes = locks.found(connection, names)
    rows = histories.registers(connection, probes)
    plans = {}
    for name, members in rows.items():
        registers = settlement.Registers(members, db_now)
        plans[name] = days.plan(registers, probes[name].closed_until, date)
    return plans


def explain(
    connection: sa.Connection, probe: str, db_now: int, date: int
) -> days.Plan | None:
    """Return which days of a probe can be closed, and why no more.

    :returns: None if the probe has no registers.
    """
    probes = locks.found(connection, [probe])
    rows = histories.registers(connection, probes).get(probe)
    if not rows:
        return None
    registers = settlement.Registers(rows, db_now)
    closed_until = probes[probe].closed_until
    plan = days.plan(registers, closed_until, date)
    start = plan.first * days.DAY_MS
    settling.add_marks(connection, {probe: registers}, {probe: start})
    plan = days.plan(registers, closed_until, date)
    if probes[probe].contested and plan.complete:
        return days.Plan(plan.first, (), days.Waiting.CONTESTED)
    return plan


def close(
    connection: sa.Connection,
    names: collections.abc.Collection[str],
    db_now: int,
    date: int,
    order: days.Order | None = None,
) -> Plans:
    """Close some days of probes.

    Repeat it for probes with :data:`~energy_meter.collector.days.MAX_DAYS`.

    :param connection: in a transaction that writes.
    :param db_now: the database's clock.
    :param date: date at which a day must be old enough.
    :param order: that of an operator, if there is one.
    :returns: what was closed. Probes that are contested, or that another
        transaction has locked, are missing.
    """
    probes, registers = lock(connection, names, db_now)
    plans, computed = _compute(connection, probes, registers, date, order)
    write(connection, computed, db_now)
    closed = {name: plan for name, plan in plans.items() if plan.complete}
    changed_days.mark(
        connection,
        (
            (name, *fixing.moved(probes[name], registers[name]))
            for name in closed
        ),
        db_now,
        *settling.LATE,
    )
    until = {name: plan.until * days.DAY_MS for name, plan in closed.items()}
    fixing.fix(connection, probes, registers, until, date)
    return plans


def _compute(
    connection: sa.Connection,
    probes: locks.Probes,
    registers: _Registers,
    date: int,
    order: days.Order | None,
) -> tuple[Plans, list[closed_days.ClosedDay]]:
    """Return which days of locked probes are closed, and their versions."""
    plans = _plans(probes, registers, date, order)
    ready = {
        name: known
        for name, known in registers.items()
        if plans[name].complete
    }
    since = {name: plans[name].first * days.DAY_MS for name in ready}
    lines = timelines.load(connection, ready, since)
    # Now that marks are known, some may be missing.
    plans |= _plans(probes, ready, date, order)
    computed = []
    for name, line in lines.items():
        numbers = range(plans[name].first, plans[name].until)
        for day, complete in zip(numbers, plans[name].complete, strict=True):
            version = days.compute(line, name, day)
            computed.append(_explain(version, complete, order))
    return plans, computed


def _plans(
    probes: locks.Probes,
    registers: _Registers,
    date: int,
    order: days.Order | None,
) -> Plans:
    return {
        name: days.plan(known, probes[name].closed_until, date, order)
        for name, known in registers.items()
    }


def lock(
    connection: sa.Connection,
    names: collections.abc.Collection[str],
    db_now: int,
) -> tuple[locks.Probes, _Registers]:
    """Lock probes that are settled, with their registers.

    Those that can be settled now are. One that two agents meter is rarely
    settled otherwise.
    """
    settling.settle(connection, names, db_now)
    probes = locks.free(connection, names, ~_PROBE.c.contested)
    rows = locks.registers(connection, probes)
    return probes, {
        name: settlement.Registers(members, db_now)
        for name, members in rows.items()
    }


def write(
    connection: sa.Connection,
    computed: collections.abc.Collection[closed_days.ClosedDay],
    db_now: int,
) -> int:
    """Write versions of days that differ from the latest ones.

    :returns: the number of versions.
    """
    keys = ((each.day, each.probe) for each in computed)
    latest = closed_days.latest_of(connection, keys)
    versions = []
    for each in computed:
        old = latest.get((each.probe, each.day))
        if old is None:
            versions.append(each._replace(closed_at=db_now))
        elif (old.edges, old.clocks) != (each.edges, each.clocks):
            # Versions have the order of their dates, whatever the clock does.
            closed_at = max(db_now, old.closed_at + 1)
            versions.append(
                each._replace(version=old.version + 1, closed_at=closed_at)
            )
    closed_days.insert(connection, versions)
    return len(versions)


def _explain(
    version: closed_days.ClosedDay, complete: bool, order: days.Order | None
) -> closed_days.ClosedDay:
    """Return the version of a day that is closed, with the reason."""
    username = '' if order is None else order.username
    return version._replace(
        complete=complete, reason='closed', username=username
    )
