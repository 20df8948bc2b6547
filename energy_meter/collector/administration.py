# SPDX-License-Identifier: Apache-2.0

"""What an operator may look at and change by hand."""

import collections.abc
import typing

import sqlalchemy as sa

from energy_meter import exception
from energy_meter.collector import accounts
from energy_meter.collector import housekeeping
from energy_meter.collector import merge
from energy_meter.db import engine as db_engine
from energy_meter.db import schema
from energy_meter.db import sums

#: A probe that was heard of within this many seconds is still metered.
_ALIVE = 300
#: Probes whose registers are read at once.
_CHUNK = 1000


class RegisterView(typing.NamedTuple):
    """A register as an operator sees it; energies in millijoules."""

    probe: str
    agent: str
    register: str
    incarnation: int
    role: str
    millijoules: int
    overlap: int
    pending: int
    elapsed: float
    coverage: float
    heard_at: float


def list_registers(
    connection: sa.Connection,
    probe: str | None = None,
) -> collections.abc.Iterator[RegisterView]:
    """Give the registers of one probe or of all, owners first.

    :raises UnknownProbe: when there is no such probe.
    """
    query = sa.select(schema.probe.c.id).order_by(schema.probe.c.id)
    names = connection.scalars(query).all() if probe is None else [probe]
    for at in range(0, len(names), _CHUNK):
        some = names[at : at + _CHUNK]
        # Not locked: collectors need not wait for who only looks.
        loaded = accounts.load(connection, some, lock=False)
        if probe is not None and probe not in loaded:
            raise exception.UnknownProbe(probe=probe)
        for name, account in loaded.items():
            if account.owner is not None:
                yield _view(name, account, account.owner)
            for register in account.others.values():
                yield _view(name, account, register)


def _view(
    probe: str, account: merge.Account, register: merge.RegisterState
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
        register.metered / register.elapsed if register.elapsed else 1.0,
        register.heard_at,
    )


def _role(account: merge.Account, register: merge.RegisterState) -> str:
    if register.voided:
        return 'voided'
    if register is account.owner:
        return 'owner'
    return 'overlapping' if register.billed_from is None else 'former'


def void(
    connection: sa.Connection, probe: str, agent: str, register: str, who: str
) -> int:
    """Strike a register: its energy goes, later words of it are refused.

    :param who: who asked for it, for the audit.
    :returns: the millijoules by which the probe's energy fell.
    :raises UnknownProbe: when there is no such probe.
    :raises UnknownRegister: when it has no such register.
    """
    account = accounts.load_one(connection, probe)
    try:
        struck = void_register(
            connection, probe, account, agent, register, who
        )
    except KeyError:
        raise exception.UnknownRegister(probe=probe, register=register)
    accounts.save(connection, {probe: account})
    return struck


def void_register(
    connection: sa.Connection,
    probe: str,
    account: merge.Account,
    agent: str,
    register: str,
    who: str,
) -> int:
    """Strike a register in an account that the caller locked and saves.

    :returns: the millijoules by which the probe's energy falls.
    :raises KeyError: when it has no such register.
    """
    struck = merge.void(account, agent, register)
    sums.cap(connection, probe, account.millijoules)
    audit(
        connection,
        who,
        f'void register {register} of agent {agent}, '
        f'probe {probe}: {struck} mJ',
    )
    return struck


def forget(connection: sa.Connection, probe: str, who: str) -> int:
    """Delete a probe and its energy; words of its registers are refused.

    :param who: who asked for it, for the audit.
    :returns: its energy, in millijoules.
    :raises UnknownProbe: when there is no such probe.
    :raises ProbeInUse: when it is still metered.
    """
    account = accounts.load_one(connection, probe)
    now = db_engine.now(connection)
    if now - account.heard_at < _ALIVE:
        raise exception.ProbeInUse(
            probe=probe, seconds=int(now - account.heard_at)
        )
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
    audit(connection, who, f'forget probe {probe}: {account.millijoules} mJ')
    return account.millijoules


def audit(connection: sa.Connection, who: str, what: str) -> None:
    """Write down what an operator changed."""
    connection.execute(
        schema.audit.insert().values(
            at=sa.select(db_engine.clock()).scalar_subquery(),
            who=who,
            what=what,
        )
    )
