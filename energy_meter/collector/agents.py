# SPDX-License-Identifier: Apache-2.0

"""Lists agents, and disables those that must not be trusted any more.

An agent is disabled by its UUID in the database, so that every collector
applies it from its next batch on.
"""

import typing

import sqlalchemy as sa

from energy_meter import exception
from energy_meter.collector import accounts
from energy_meter.collector import administration
from energy_meter.collector import merge
from energy_meter.db import engine as db_engine
from energy_meter.db import schema

#: Number of probes whose accounts are locked and saved at once.
_CHUNK = 1000


class AgentView(typing.NamedTuple):
    """An agent as operators see it.

    :ivar agent: its UUID.
    :ivar name: None if it is unknown, because the agent owns no probe.
    :ivar probes: number of probes that it meters or has metered.
    :ivar last_seen_at: time of the last update of any of its registers, on the
        database's clock; None if none of its registers is left.
    :ivar disabled_at: None if the agent is enabled.
    """

    agent: str
    name: str | None = None
    probes: int = 0
    last_seen_at: float | None = None
    disabled_at: float | None = None


def list_agents(connection: sa.Connection) -> list[AgentView]:
    """Return all agents in the database, disabled ones included, by UUID."""
    views = {
        row[0]: AgentView(*row)
        for row in connection.execute(_agents_with_registers())
    }
    for row in connection.execute(sa.select(schema.disabled_agent)):
        view = views.get(row.agent, AgentView(row.agent))
        views[row.agent] = view._replace(
            name=view.name or row.agent_name, disabled_at=row.created_at
        )
    return [views[agent] for agent in sorted(views)]


def _agents_with_registers() -> sa.Select[typing.Any]:
    probe, register = schema.probe.c, schema.register.c
    registers = (
        sa.union_all(
            sa.select(
                probe.owner_agent.label('agent'),
                probe.agent_name.label('name'),
                probe.id.label('probe'),
                probe.last_seen_at,
            ).where(probe.owner_agent != accounts.NO_AGENT),
            sa.select(
                register.agent,
                sa.null(),
                register.probe,
                register.last_seen_at,
            ),
        )
        .subquery()
        .c
    )
    return sa.select(
        registers.agent,
        sa.func.max(registers.name),
        sa.func.count(registers.probe.distinct()),
        sa.func.max(registers.last_seen_at),
    ).group_by(registers.agent)


def disable(engine: sa.Engine, agent: str, username: str) -> dict[str, int]:
    """Void all registers of an agent and reject its later measurements.

    May be repeated for a disabled agent: a batch that was being written
    meanwhile can have added another register.

    :param agent: its UUID.
    :param username: operator who is named in the audit trail.
    :returns: the energy removed from each probe, in millijoules.
    :raises AgentNotFound: if the database has no such agent.
    """
    # Commit this first. A batch that starts later rejects the agent, so
    # voiding can't miss a register.
    with engine.begin() as connection:
        _insert(connection, agent, username)
    with engine.begin() as connection:
        return _void_all(connection, agent, username)


def _insert(connection: sa.Connection, agent: str, username: str) -> None:
    views = {view.agent: view for view in list_agents(connection)}
    if agent not in views:
        raise exception.AgentNotFound(agent=agent)
    if views[agent].disabled_at is None:
        connection.execute(
            schema.disabled_agent.insert().values(
                agent=agent,
                agent_name=views[agent].name,
                created_at=sa.select(db_engine.clock()).scalar_subquery(),
            )
        )
        administration.audit(connection, username, f'disable agent {agent}')


def _void_all(
    connection: sa.Connection, agent: str, username: str
) -> dict[str, int]:
    probes = connection.scalars(
        sa.union(
            sa.select(schema.probe.c.id).where(
                schema.probe.c.owner_agent == agent
            ),
            sa.select(schema.register.c.probe).where(
                schema.register.c.agent == agent
            ),
        )
    )
    # In the order in which collectors lock them.
    names = sorted(probes)
    removed: dict[str, int] = {}
    for start in range(0, len(names), _CHUNK):
        loaded = accounts.load(connection, names[start : start + _CHUNK])
        for probe, account in loaded.items():
            removed[probe] = _void(connection, probe, account, agent, username)
        accounts.save(connection, loaded)
    return removed


def _void(
    connection: sa.Connection,
    probe: str,
    account: merge.ProbeAccount,
    agent: str,
    username: str,
) -> int:
    registers = list(account.others.values())
    if account.owner is not None:
        registers.append(account.owner)
    return sum(
        administration.void_register(
            connection, probe, account, agent, register.key.id, username
        )
        for register in registers
        if register.key.agent == agent and not register.voided
    )


def enable(connection: sa.Connection, agent: str, username: str) -> None:
    """Enable a disabled agent; its voided registers stay void.

    :raises AgentNotDisabled: if the agent is not disabled.
    """
    table = schema.disabled_agent
    result = connection.execute(table.delete().where(table.c.agent == agent))
    if not result.rowcount:
        raise exception.AgentNotDisabled(agent=agent)
    administration.audit(connection, username, f'enable agent {agent}')
