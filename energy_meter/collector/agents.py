# SPDX-License-Identifier: Apache-2.0

"""Agents as an operator sees them, and those that nobody believes any more.

An agent is excluded by its uuid, in the database, so that every collector
knows with its next batch.
"""

import typing

import sqlalchemy as sa

from energy_meter import exception
from energy_meter.collector import accounts
from energy_meter.collector import administration
from energy_meter.collector import merge
from energy_meter.db import engine as db_engine
from energy_meter.db import schema

#: Probes whose accounts are locked and written at once.
_CHUNK = 1000


class AgentView(typing.NamedTuple):
    """An agent as an operator sees it.

    :ivar agent: its uuid.
    :ivar name: None where it is not known: the agent owns no probe.
    :ivar probes: how many it meters or metered.
    :ivar heard_at: the database's clock when one of its registers last moved;
        None when all of them are forgotten.
    :ivar excluded_at: when it was excluded; None if it is not.
    """

    agent: str
    name: str | None = None
    probes: int = 0
    heard_at: float | None = None
    excluded_at: float | None = None


def list_agents(connection: sa.Connection) -> list[AgentView]:
    """Give all agents that are known, the excluded ones too, by uuid."""
    probe, register = schema.probe.c, schema.register.c
    spoken = (
        sa.union_all(
            sa.select(
                probe.owner_agent.label('agent'),
                probe.agent_name.label('name'),
                probe.id.label('probe'),
                probe.heard_at,
            ).where(probe.owner_agent != accounts.NOBODY),
            sa.select(
                register.agent, sa.null(), register.probe, register.heard_at
            ),
        )
        .subquery()
        .c
    )
    found = {
        row[0]: AgentView(*row)
        for row in connection.execute(
            sa.select(
                spoken.agent,
                sa.func.max(spoken.name),
                sa.func.count(spoken.probe.distinct()),
                sa.func.max(spoken.heard_at),
            ).group_by(spoken.agent)
        )
    }
    for row in connection.execute(sa.select(schema.exclusion)):
        view = found.get(row.agent, AgentView(row.agent))
        found[row.agent] = view._replace(
            name=view.name or row.agent_name, excluded_at=row.at
        )
    return [found[agent] for agent in sorted(found)]


def exclude(engine: sa.Engine, agent: str, who: str) -> dict[str, int]:
    """Void all registers of an agent and refuse whatever else it says.

    An agent that is excluded already is so once more: a batch that was being
    written meanwhile may have brought another register of its.

    :param agent: its uuid.
    :param who: who asked for it, for the audit.
    :returns: by probe, the millijoules by which its energy fell.
    :raises UnknownAgent: when nothing was ever heard of it.
    """
    # First of all no further batch takes its words; only then nothing is
    # left to be overlooked.
    with engine.begin() as connection:
        _note(connection, agent, who)
    with engine.begin() as connection:
        return _void_all(connection, agent, who)


def _note(connection: sa.Connection, agent: str, who: str) -> None:
    known = {view.agent: view for view in list_agents(connection)}
    if agent not in known:
        raise exception.UnknownAgent(agent=agent)
    if known[agent].excluded_at is None:
        connection.execute(
            schema.exclusion.insert().values(
                agent=agent,
                agent_name=known[agent].name,
                at=sa.select(db_engine.clock()).scalar_subquery(),
            )
        )
        administration.audit(connection, who, f'exclude agent {agent}')


def _void_all(
    connection: sa.Connection, agent: str, who: str
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
    # In their order, as collectors lock them.
    names = sorted(probes)
    struck: dict[str, int] = {}
    for at in range(0, len(names), _CHUNK):
        loaded = accounts.load(connection, names[at : at + _CHUNK])
        for probe, account in loaded.items():
            struck[probe] = _void(connection, probe, account, agent, who)
        accounts.save(connection, loaded)
    return struck


def _void(
    connection: sa.Connection,
    probe: str,
    account: merge.Account,
    agent: str,
    who: str,
) -> int:
    registers = list(account.others.values())
    if account.owner is not None:
        registers.append(account.owner)
    return sum(
        administration.void_register(
            connection, probe, account, agent, register.key.id, who
        )
        for register in registers
        if register.key.agent == agent and not register.voided
    )


def readmit(connection: sa.Connection, agent: str, who: str) -> None:
    """Believe an excluded agent again; what was voided stays so.

    :raises NotExcluded: when it was not excluded.
    """
    table = schema.exclusion
    result = connection.execute(table.delete().where(table.c.agent == agent))
    if not result.rowcount:
        raise exception.NotExcluded(agent=agent)
    administration.audit(connection, who, f'readmit agent {agent}')
