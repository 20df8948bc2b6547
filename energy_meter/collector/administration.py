# SPDX-License-Identifier: Apache-2.0

"""Manual changes of registers and probes, with an audit trail.

The row of a register is never deleted: a voided register stays, so that a
message that is replayed moves nothing.
"""

import collections
import collections.abc

from oslo_db import exception as db_exception
import sqlalchemy as sa
import tenacity

from energy_meter import exception
from energy_meter.collector import registers
from energy_meter.collector import settling
from energy_meter.db import engine as db_engine
from energy_meter.db import memberships
from energy_meter.db import schema
from energy_meter.db import tips

_PROBE, _REGISTER, _OVERLAP = schema.probe, schema.register, schema.overlap

#: Repeats a transaction during which a register was added.
retry = tenacity.retry(
    retry=tenacity.retry_if_exception_type(
        (db_exception.RetryRequest, db_exception.DBDeadlock)
    ),
    wait=tenacity.wait_random(0.1, 1.0),
    stop=tenacity.stop_after_attempt(10),
    reraise=True,
)


@retry
def void(
    engine: sa.Engine, probe: str, agent: str, register: str, username: str
) -> int:
    """Void a register: do not bill it, and reject its later measurements.

    Other registers are billed for what they metered at the same time, up to
    30 days ago.

    :param username: operator who is named in the audit trail.
    :returns: the energy removed from the probe, in millijoules.
    :raises ProbeNotFound: if the probe does not exist.
    :raises RegisterNotFound: if the probe has no such register.
    """
    is_register = sa.and_(
        _REGISTER.c.probe == probe,
        _REGISTER.c.agent == agent,
        _REGISTER.c.register == register,
    )
    with db_engine.writing(engine) as connection:
        _require(connection, probe)
        if not connection.scalar(sa.select(sa.exists().where(is_register))):
            raise exception.RegisterNotFound(probe=probe, register=register)
        removed = void_registers(connection, is_register, 'void', username)
    return removed.get(probe, 0)


def _require(connection: sa.Connection, probe: str) -> None:
    if not connection.scalar(
        sa.select(sa.exists().where(_PROBE.c.id == probe))
    ):
        raise exception.ProbeNotFound(probe=probe)


def void_registers(
    connection: sa.Connection,
    condition: sa.ColumnElement[bool],
    reason: str,
    username: str,
) -> dict[str, int]:
    """Void registers, and settle their probes.

    :param connection: in a transaction that writes.
    :param condition: of the columns of registers; those that are void stay
        so.
    :param reason: why closed days change.
    :returns: the energy removed, in millijoules, by probe.
    :raises RetryRequest: if another transaction added a register meanwhile;
        the caller repeats its transaction.
    """
    voided = connection.execute(
        sa.select(
            _REGISTER.c.number,
            _REGISTER.c.probe,
            _REGISTER.c.agent,
            _REGISTER.c.register,
        )
        .where(condition, ~_REGISTER.c.voided)
        .order_by(_REGISTER.c.probe, _REGISTER.c.register)
    ).all()
    numbers = [row.number for row in voided]
    cause = settling.Cause(reason, username)
    db_now = db_engine.now(connection)
    removed = settling.void(connection, numbers, db_now, cause)
    for probe, millijoules in _remove_overlap(connection, removed).items():
        removed[probe] -= millijoules
    members = collections.defaultdict(list)
    for row in voided:
        members[row.probe, row.agent].append(f'register {row.register}')
    for (probe, agent), names in members.items():
        audit(
            connection,
            username,
            f'void {", ".join(names)} of agent {agent}, probe {probe}: '
            f'{removed.get(probe, 0)} mJ',
        )
    for probe, shown in tips.shown(connection, removed).items():
        memberships.cap(connection, probe, shown)
    return removed


def _remove_overlap(
    connection: sa.Connection, probes: collections.abc.Iterable[str]
) -> dict[str, int]:
    """Remove the overlap of voided registers from cells that are final.

    What others are billed for in these cells stays.

    :returns: the energy in mJ that was subtracted from each probe for it.
    """
    voided = sa.select(_REGISTER.c.number).where(
        _REGISTER.c.probe.in_(probes), _REGISTER.c.voided
    )
    is_old = sa.and_(
        _OVERLAP.c.probe.in_(probes), _OVERLAP.c.register.in_(voided)
    )
    removed = {}
    names = ('millijoules', 'metered', 'elapsed')
    query = sa.select(
        _OVERLAP.c.probe, *(sa.func.sum(_OVERLAP.c[name]) for name in names)
    ).where(is_old)
    for probe, *amounts in connection.execute(
        query.group_by(_OVERLAP.c.probe)
    ).all():
        values = {}
        for name, amount in zip(names, map(int, amounts), strict=True):
            overlap = _PROBE.c[f'overlap_{name}']
            values[overlap.name] = overlap - amount
            base = _PROBE.c[f'base_{name}']
            values[base.name] = base + amount
        connection.execute(
            _PROBE.update().where(_PROBE.c.id == probe).values(values)
        )
        removed[probe] = int(amounts[0])
    connection.execute(_OVERLAP.delete().where(is_old))
    return removed


def energy(connection: sa.Connection, probe: str) -> int:
    """Return the energy in mJ that a probe shows.

    :raises ProbeNotFound: if the probe does not exist.
    """
    shown = tips.shown(connection, [probe])
    if probe not in shown:
        raise exception.ProbeNotFound(probe=probe)
    return shown[probe]


@retry
def delete_probe(engine: sa.Engine, probe: str, username: str) -> int:
    """Delete a probe and reject later measurements of its registers.

    :param username: operator who is named in the audit trail.
    :returns: the energy of the probe, in millijoules.
    :raises ProbeNotFound: if the probe does not exist.
    :raises ProbeInUse: if the probe is still metered.
    """
    is_member = _REGISTER.c.probe == probe
    with db_engine.writing(engine) as connection:
        removed = energy(connection, probe)
        numbers = connection.scalars(
            sa.select(_REGISTER.c.number).where(is_member)
        ).all()
        db_now = db_engine.now(connection)
        # Locks the probe and its registers.
        cause = settling.Cause('probe deleted', username)
        settling.void(connection, numbers, db_now, cause)
        age = db_now - max(
            connection.scalars(
                sa.select(_REGISTER.c.last_seen_at).where(is_member)
            ),
            default=0,
        )
        if age < registers.ALIVE_WINDOW_MS:
            raise exception.ProbeInUse(probe=probe, seconds=age // 1000)
        connection.execute(_OVERLAP.delete().where(_OVERLAP.c.probe == probe))
        connection.execute(_PROBE.delete().where(_PROBE.c.id == probe))
        # Invoices may name the versions of closed days.
        changed = schema.changed_day
        connection.execute(changed.delete().where(changed.c.probe == probe))
        memberships.cap(connection, probe, 0)
        audit(connection, username, f'delete probe {probe}: {removed} mJ')
    return removed


def audit(connection: sa.Connection, username: str, action: str) -> None:
    """Record an operator's change in the audit trail."""
    connection.execute(
        schema.audit.insert().values(
            created_at=sa.select(db_engine.clock()).scalar_subquery(),
            username=username,
            action=action,
        )
    )
