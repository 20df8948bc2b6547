# SPDX-License-Identifier: Apache-2.0

"""Lists agents, and disables those that must not be trusted any more.

An agent is disabled by its UUID in the database, so that every collector
applies it from its next batch on.
"""

import collections.abc
import typing

import sqlalchemy as sa

from energy_meter import exception
from energy_meter.collector import administration
from energy_meter.db import engine as db_engine
from energy_meter.db import schema

#: Number of probes that are locked and settled at once.
_CHUNK = 500


class AgentView(typing.NamedTuple):
    """An agent as operators see it.

    :ivar agent: its UUID.
    :ivar name: None if it is unknown.
    :ivar probes: number of probes that it meters or has metered.
    :ivar last_seen_at: time of the last update of any of its registers, in
        seconds since the epoch on the database's clock; None if it has none.
    :ivar disabled_at: in seconds since the epoch; None if it is enabled.
    """

    agent: str
    name: str | None = None
    probes: int = 0
    last_seen_at: float | None = None
    disabled_at: float | None = None


def list_agents(connection: sa.Connection) -> list[AgentView]:
    """Return all agents in the database, disabled ones included, by UUID."""
    views = {
        agent: AgentView(agent, name, probes, last_seen_at / 1000)
        for agent, name, probes, last_seen_at in connection.execute(
            _agents_with_registers()
        )
    }
    for row in connection.execute(sa.select(schema.disabled_agent)):
        view = views.get(row.agent, AgentView(row.agent))
        views[row.agent] = view._replace(
            name=view.name or row.agent_name, disabled_at=row.created_at / 1000
        )
    return [views[agent] for agent in sorted(views)]


def get(connection: sa.Connection, agent: str) -> AgentView:
    """Return an agent.

    :raises AgentNotFound: if the database has no such agent.
    """
    for view in list_agents(connection):
        if view.agent == agent:
            return view
    raise exception.AgentNotFound(agent=agent)


def find(connection: sa.Connection, name: str) -> AgentView:
    """Return an agent by its UUID, or by its name.

    Agents choose their names, so a UUID is never compared with a name if there
    is an agent of this UUID.

    :raises AgentNotFound: if the database has no such agent.
    :raises AgentNotUnique: if several agents have this name.
    """
    views = list_agents(connection)
    found = [view for view in views if view.agent == name] or [
        view for view in views if view.name == name
    ]
    if not found:
        raise exception.AgentNotFound(agent=name)
    if len(found) > 1:
        choices = (
            f'{view.agent}, {"disabled" if view.disabled_at else "enabled"}'
            for view in found
        )
        raise exception.AgentNotUnique(agent=name, agents='; '.join(choices))
    return found[0]


def _agents_with_registers() -> sa.Select[typing.Any]:
    register = schema.register.c
    return sa.select(
        register.agent,
        sa.func.max(register.agent_name),
        sa.func.count(register.probe.distinct()),
        sa.func.max(register.last_seen_at),
    ).group_by(register.agent)


def disable(engine: sa.Engine, agent: str, username: str) -> dict[str, int]:
    """Void all registers of an agent and reject its later measurements.

    May be repeated for a disabled agent: a batch that was being written
    meanwhile can have added another register, and the voiding of a part of
    the probes can have failed.

    :param agent: its UUID.
    :param username: operator who is named in the audit trail.
    :returns: the energy removed from each probe, in millijoules.
    :raises AgentNotFound: if the database has no such agent.
    """
    # Commit this first. A batch that starts later rejects the agent, so
    # voiding can't miss a register.
    with db_engine.writing(engine) as connection:
        _insert(connection, agent, username)
    with engine.connect() as connection:
        probes = connection.scalars(
            sa.select(schema.probe.c.id)
            .where(
                schema.probe.c.id.in_(
                    sa.select(schema.register.c.probe).where(
                        schema.register.c.agent == agent
                    )
                )
            )
            .order_by(schema.probe.c.id)
        ).all()
    removed = dict.fromkeys(probes, 0)
    for start in range(0, len(probes), _CHUNK):
        chunk = probes[start : start + _CHUNK]
        removed |= _void(engine, agent, chunk, username)
    return removed


@administration.retry
def _void(
    engine: sa.Engine,
    agent: str,
    probes: collections.abc.Sequence[str],
    username: str,
) -> dict[str, int]:
    with db_engine.writing(engine) as connection:
        return administration.void_registers(
            connection,
            sa.and_(
                schema.register.c.agent == agent,
                schema.register.c.probe.in_(probes),
            ),
            'agent disabled',
            username,
        )


def _insert(connection: sa.Connection, agent: str, username: str) -> None:
    view = get(connection, agent)
    if view.disabled_at is None:
        connection.execute(
            schema.disabled_agent.insert().values(
                agent=agent,
                agent_name=view.name,
                created_at=sa.select(db_engine.clock()).scalar_subquery(),
            )
        )
        administration.audit(connection, username, f'disable agent {agent}')


def enable(connection: sa.Connection, agent: str, username: str) -> None:
    """Enable a disabled agent; its voided registers stay void.

    :raises AgentNotDisabled: if the agent is not disabled.
    """
    table = schema.disabled_agent
    result = connection.execute(table.delete().where(table.c.agent == agent))
    if not result.rowcount:
        raise exception.AgentNotDisabled(agent=agent)
    administration.audit(connection, username, f'enable agent {agent}')
