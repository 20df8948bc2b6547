# SPDX-License-Identifier: Apache-2.0

"""Commands about agents."""

import getpass

from oslo_config import cfg

from energy_meter.cmd.manage import base
from energy_meter.collector import agents
from energy_meter.db import engine as db_engine


def add_commands(areas: base.Areas) -> None:
    area = base.Area(areas, 'agent', 'The agents.')
    area.add('list', _list, 'List all agents.')
    base.add_agent(
        area.add(
            'exclude',
            _exclude,
            'Void all registers of an agent, as "register void" does, and refuse '
            'whatever else it says. What is void stays so.',
        )
    )
    base.add_agent(
        area.add('readmit', _readmit, 'Believe an excluded agent again.')
    )


def _list(conf: cfg.ConfigOpts) -> None:
    with db_engine.connect(conf).begin() as connection:
        base.show(
            ['name', 'agent', 'probes', 'last heard', 'excluded'],
            (
                [
                    item.name or '-',
                    item.agent,
                    item.probes,
                    *(
                        '-' if moment is None else base.moment(moment)
                        for moment in (item.heard_at, item.excluded_at)
                    ),
                ]
                for item in agents.list_agents(connection)
            ),
        )


def _exclude(conf: cfg.ConfigOpts) -> None:
    agent = conf.command.agent_uuid
    struck = agents.exclude(db_engine.connect(conf), agent, getpass.getuser())
    for probe, millijoules in struck.items():
        print(f'Probe {probe} fell by {base.kwh(millijoules)} kWh')
    print(
        f'Agent {agent} is excluded. Whoever knows its secret may come '
        'back under another uuid: change the secret, too'
    )


def _readmit(conf: cfg.ConfigOpts) -> None:
    agent = conf.command.agent_uuid
    with db_engine.connect(conf).begin() as connection:
        agents.readmit(connection, agent, getpass.getuser())
    print(
        f'Agent {agent} is believed again. Restart it: it opens new '
        'registers, as the former ones stay void'
    )
