# SPDX-License-Identifier: Apache-2.0

"""Operator's view of registers, and manual changes with an audit trail."""

import collections.abc
import enum
import typing

import sqlalchemy as sa

from energy_meter import exception
from energy_meter.collector import accounts
from energy_meter.collector import housekeeping
from energy_meter.collector import merge
from energy_meter.db import engine as db_engine
from energy_meter.db import schema
from energy_meter.db import sums

#: A probe that was updated within this time is still metered.
_ALIVE_WINDOW_S = 300
#: Number of probes whose registers are loaded at once.
_CHUNK = 1000


class Role(enum.StrEnum):
    """Role of a register in the account of its probe."""

    ACTIVE = 'active'
    SUPERSEDED = 'superseded'
    OVERLAPPING = 'overlapping'
    VOID = 'void'


class RegisterView(typing.NamedTuple):
    """A register as operators see it; energies are in millijoules."""

    probe: str
    agent: str
    register: str
    incarnation: int
    role: Role
    millijoules: int
    overlap: int
    pending: int
    elapsed: float
    coverage: float
    last_seen_at: float


def list_registers(
    connection: sa.Connection,
    probe: str | None = None,
) -> collections.abc.Iterator[RegisterView]:
    """Return the registers of all probes or of one, active registers first.

    :raises ProbeNotFound: if the probe does not exist.
    """
    query = sa.select(schema.probe.c.id).order_by(schema.probe.c.id)
    names = connection.scalars(query).all() if probe is None else [probe]
    for start in range(0, len(names), _CHUNK):
        # Without locks: a listing must not delay the collectors.
        loaded = accounts.load(
            connection, names[start : start + _CHUNK], lock=False
        )
        if probe is not None and probe not in loaded:
            raise exception.ProbeNotFound(probe=probe)
        for name, account in loaded.items():
            if account.owner is not None:
                yield _view(name, account, account.owner)
            for register in account.others.values():
                yield _view(name, account, register)


def _view(
    probe: str, account: merge.ProbeAccount, register: merge.RegisterState
) -> RegisterView:
    owner = account.owner
    overlap, pending = register.overlap, register.pending
    if owner is not None and register.pending_mark != owner.elapsed:
        overlap, pending = overlap + pending, 0
    return RegisterView(
        probe,
        register.key.agent,
        register.key.id,
        register.key.incarnation,
        _role(account, register),
        register.millijoules,
        overlap,
        pending,
        register.elapsed,
        register.metered_seconds / register.elapsed
        if register.elapsed
        else 1.0,
        register.last_seen_at,
    )


def _role(account: merge.ProbeAccount, register: merge.RegisterState) -> Role:
    if register.voided:
        return Role.VOID
    if register is account.owner:
        return Role.ACTIVE
    if register.billed_from is None:
        return Role.OVERLAPPING
    return Role.SUPERSEDED


def void(
    connection: sa.Connection,
    probe: str,
    agent: str,
    register: str,
    username: str,
) -> int:
    """Void a register: subtract its energy and reject its later measurements.

    :param username: operator who is named in the audit trail.
    :returns: the energy removed from the probe, in millijoules.
    :raises ProbeNotFound: if the probe does not exist.
    :raises RegisterNotFound: if the probe has no such register.
    """
    account = accounts.load_one(connection, probe)
    try:
        removed = void_register(
            connection, probe, account, agent, register, username
        )
    except KeyError:
        raise exception.RegisterNotFound(probe=probe, register=register)
    accounts.save(connection, {probe: account})
    return removed


def void_register(
    connection: sa.Connection,
    probe: str,
    account: merge.ProbeAccount,
    agent: str,
    register: str,
    username: str,
) -> int:
    """Void a register of an account that the caller has locked and saves.

    :returns: the energy removed from the account, in millijoules.
    :raises KeyError: if the account has no such register.
    """
    removed = merge.void(account, agent, register)
    sums.cap(connection, probe, account.millijoules)
    audit(
        connection,
        username,
        f'void register {register} of agent {agent}, '
        f'probe {probe}: {removed} mJ',
    )
    return removed


def delete_probe(connection: sa.Connection, probe: str, username: str) -> int:
    """Delete a probe and reject later measurements of its registers.

    :param username: operator who is named in the audit trail.
    :returns: the energy of the probe, in millijoules.
    :raises ProbeNotFound: if the probe does not exist.
    :raises ProbeInUse: if the probe is still metered.
    """
    account = accounts.load_one(connection, probe)
    age = db_engine.now(connection) - account.last_seen_at
    if age < _ALIVE_WINDOW_S:
        raise exception.ProbeInUse(probe=probe, seconds=int(age))
    registers = list(account.others.values())
    if account.owner is not None:
        registers.append(account.owner)
    for register in registers:
        housekeeping.raise_floor(
            connection, probe, register.key.agent, register.key.incarnation
        )
    table = schema.register
    connection.execute(table.delete().where(table.c.probe == probe))
    connection.execute(schema.probe.delete().where(schema.probe.c.id == probe))
    sums.cap(connection, probe, 0)
    audit(
        connection, username, f'delete probe {probe}: {account.millijoules} mJ'
    )
    return account.millijoules


def audit(connection: sa.Connection, username: str, action: str) -> None:
    """Record an operator's change in the audit trail."""
    connection.execute(
        schema.audit.insert().values(
            created_at=sa.select(db_engine.clock()).scalar_subquery(),
            username=username,
            action=action,
        )
    )
