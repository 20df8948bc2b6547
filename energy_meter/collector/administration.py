# SPDX-License-Identifier: Apache-2.0

"""Manual changes of registers and probes, with an audit trail.

The row of a register is never deleted: a voided register stays, so that a
message that is replayed moves nothing.
"""

import collections.abc

import sqlalchemy as sa

from energy_meter import exception
from energy_meter import measurement
from energy_meter.collector import registers
from energy_meter.collector import settling
from energy_meter.db import engine as db_engine
from energy_meter.db import memberships
from energy_meter.db import numbers
from energy_meter.db import schema
from energy_meter.db import tips

_PROBE, _REGISTER, _OVERLAP = schema.probe, schema.register, schema.overlap


def void(
    connection: sa.Connection,
    probe: str,
    agent: str,
    register: str,
    username: str,
) -> int:
    """Void a register: do not bill it, and reject its later measurements.

    Other registers are billed for what they metered at the same time, up to
    30 days ago.

    :param username: operator who is named in the audit trail.
    :returns: the energy removed from the probe, in millijoules.
    :raises ProbeNotFound: if the probe does not exist.
    :raises RegisterNotFound: if the probe has no such register.
    """
    db_engine.reserve(connection)
    if not lock(connection, [probe]):
        raise exception.ProbeNotFound(probe=probe)
    number = numbers.number(probe, measurement.RegisterKey(agent, register))
    if not connection.scalar(
        sa.select(_REGISTER.c.number).where(_REGISTER.c.number == number)
    ):
        raise exception.RegisterNotFound(probe=probe, register=register)
    removed = void_registers(
        connection, [probe], _REGISTER.c.number == number, username
    )
    return removed.get(probe, 0)


def lock(
    connection: sa.Connection, probes: collections.abc.Collection[str]
) -> list[str]:
    """Lock probes and their registers, in the collectors' order.

    :returns: the probes that exist.
    """
    connection.execute(
        sa.select(_REGISTER.c.number)
        .where(_REGISTER.c.probe.in_(probes))
        .order_by(_REGISTER.c.number)
        .with_for_update()
    ).all()
    return list(
        connection.scalars(
            sa.select(_PROBE.c.id)
            .where(_PROBE.c.id.in_(probes))
            .order_by(_PROBE.c.id)
            .with_for_update()
        )
    )


def void_registers(
    connection: sa.Connection,
    probes: collections.abc.Collection[str],
    condition: sa.ColumnElement[bool],
    username: str,
) -> dict[str, int]:
    """Void registers of probes that the caller has locked.

    :param condition: of the registers' columns; those that are void already
        are left out.
    :returns: the energy removed, in millijoules, by probe.
    """
    voided = connection.execute(
        sa.select(_REGISTER.c.probe, _REGISTER.c.agent, _REGISTER.c.register)
        .where(_REGISTER.c.probe.in_(probes), condition, ~_REGISTER.c.voided)
        .order_by(_REGISTER.c.probe, _REGISTER.c.register)
    ).all()
    names = sorted({row.probe for row in voided})
    before = tips.shown(connection, names)
    _set_voided(connection, sa.and_(_REGISTER.c.probe.in_(names), condition))
    _remove_overlap(connection, names)
    connection.execute(
        _PROBE.update()
        .where(_PROBE.c.id.in_(names))
        .values(contested=True, shown=0)
    )
    settling.settle(connection, names, db_engine.now(connection))
    after = tips.shown(connection, names)
    removed = {}
    for name in names:
        removed[name] = before[name] - after[name]
        memberships.cap(connection, name, after[name])
        rows = [row for row in voided if row.probe == name]
        audit(
            connection,
            username,
            f'void {", ".join(f"register {row.register}" for row in rows)} '
            f'of agent {rows[0].agent}, probe {name}: {removed[name]} mJ',
        )
    return removed


def delete_probe(connection: sa.Connection, probe: str, username: str) -> int:
    """Delete a probe and reject later measurements of its registers.

    :param username: operator who is named in the audit trail.
    :returns: the energy of the probe, in millijoules.
    :raises ProbeNotFound: if the probe does not exist.
    :raises ProbeInUse: if the probe is still metered.
    """
    db_engine.reserve(connection)
    if not lock(connection, [probe]):
        raise exception.ProbeNotFound(probe=probe)
    last_seen_at = connection.scalar(
        sa.select(sa.func.max(_REGISTER.c.last_seen_at)).where(
            _REGISTER.c.probe == probe
        )
    )
    age = db_engine.now(connection) - (last_seen_at or 0)
    if age < registers.ALIVE_WINDOW_MS:
        raise exception.ProbeInUse(probe=probe, seconds=age // 1000)
    removed = tips.shown(connection, [probe])[probe]
    _set_voided(connection, _REGISTER.c.probe == probe)
    connection.execute(_OVERLAP.delete().where(_OVERLAP.c.probe == probe))
    connection.execute(_PROBE.delete().where(_PROBE.c.id == probe))
    memberships.cap(connection, probe, 0)
    audit(connection, username, f'delete probe {probe}: {removed} mJ')
    return removed


def _set_voided(
    connection: sa.Connection, condition: sa.ColumnElement[bool]
) -> None:
    connection.execute(
        _REGISTER.update()
        .where(condition, ~_REGISTER.c.voided)
        .values(
            voided=True,
            role=schema.Role.SETTLED,
            dirty=schema.Dirty.CHANGED,
            settled_until=_REGISTER.c.base_elapsed,
        )
    )


def _remove_overlap(
    connection: sa.Connection, probes: collections.abc.Sequence[str]
) -> None:
    """Remove the overlap of voided registers, also where it is final."""
    voided = _OVERLAP.c.register.in_(
        sa.select(_REGISTER.c.number).where(
            _REGISTER.c.probe.in_(probes), _REGISTER.c.voided
        )
    )
    of_probes = sa.and_(_OVERLAP.c.probe.in_(probes), voided)
    total = sa.func.sum
    for name, millijoules, metered, elapsed in connection.execute(
        sa.select(
            _OVERLAP.c.probe,
            total(_OVERLAP.c.millijoules),
            total(_OVERLAP.c.metered),
            total(_OVERLAP.c.elapsed),
        )
        .where(of_probes)
        .group_by(_OVERLAP.c.probe)
    ).all():
        connection.execute(
            _PROBE.update()
            .where(_PROBE.c.id == name)
            .values(
                overlap_millijoules=_PROBE.c.overlap_millijoules
                - int(millijoules),
                overlap_metered=_PROBE.c.overlap_metered - int(metered),
                overlap_elapsed=_PROBE.c.overlap_elapsed - int(elapsed),
            )
        )
    connection.execute(_OVERLAP.delete().where(of_probes))


def audit(connection: sa.Connection, username: str, action: str) -> None:
    """Record an operator's change in the audit trail."""
    connection.execute(
        schema.audit.insert().values(
            created_at=sa.select(db_engine.clock()).scalar_subquery(),
            username=username,
            action=action,
        )
    )
