# SPDX-License-Identifier: Apache-2.0

"""Commands for agents."""

from oslo_config import cfg

from energy_meter.cmd.manage import base
from energy_meter.cmd.manage import listing
from energy_meter.cmd.manage import units
from energy_meter.collector import agents
from energy_meter.db import engine as db_engine


def add_commands(areas: base.Areas) -> None:
    """Add the commands to the parser."""
    area = base.Area(areas, 'agent', 'Manage agents.')
    listing.add_format(area.add('list', _list, 'List all agents.'))
    parser = area.add(
        'disable',
        _disable,
        'Disable an agent: void all its registers, as "register void" does, '
        'and reject its later measurements. Voiding cannot be undone.',
    )
    base.add_agent(parser)
    base.add_confirmation(parser)
    base.add_agent(
        area.add(
            'enable',
            _enable,
            'Re-enable an agent. Its voided registers stay void.',
        )
    )


def _list(conf: cfg.ConfigOpts) -> None:
    with db_engine.connect(conf).begin() as connection:
        listing.show(
            conf,
            [
                listing.Column('name'),
                listing.Column('agent'),
                listing.Column('probes'),
                listing.Column('last seen'),
                listing.Column('disabled'),
            ],
            (
                [
                    view.name,
                    view.agent,
                    view.probes,
                    base.utc(view.last_seen_at),
                    base.utc(view.disabled_at),
                ]
                for view in agents.list_agents(connection)
            ),
        )


def _disable(conf: cfg.ConfigOpts) -> None:
    with db_engine.connect(conf).connect() as connection:
        view = agents.find(connection, conf.command.agent_id)
        known = units.Units(connection)
    removed = base.change_database(
        conf,
        lambda engine: agents.disable(engine, view.agent, base.operator()),
        lambda removed: (
            f'Disable agent {view.agent}, name {view.name or "-"}, and void '
            f'its registers of {view.probes} probes? This removes '
            f'{known.sum(removed)}. Voiding cannot be undone.'
        ),
    )
    for probe, value in removed.items():
        print(f'Removed {known.of(probe).format(value)} from probe {probe}')
    print(
        f'Disabled agent {view.agent}, name {view.name or "-"}. Removed '
        f'{known.sum(removed)} from {len(removed)} probes. '
        'Its secret allows it to return with another UUID: change the secret '
        'as well'
    )


def _enable(conf: cfg.ConfigOpts) -> None:
    with db_engine.writing(db_engine.connect(conf)) as connection:
        view = agents.find(connection, conf.command.agent_id)
        agents.enable(connection, view.agent, base.operator())
    print(
        f'Enabled agent {view.agent}, name {view.name or "-"}. Restart it so '
        'that it opens new registers; its voided registers stay void'
    )
