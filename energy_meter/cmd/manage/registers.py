# SPDX-License-Identifier: Apache-2.0

"""Commands about the registers of probes."""

import getpass

from oslo_config import cfg

from energy_meter.cmd.manage import base
from energy_meter.collector import administration
from energy_meter.db import engine as db_engine


def add_commands(areas: base.Areas) -> None:
    area = base.Area(areas, 'register', 'The registers of probes.')
    area.add('list', _list, 'List all registers.')
    base.add_probe(area.add('show', _show, 'Show the registers of one probe.'))
    parser = area.add(
        'void',
        _void,
        'Strike a register: its energy is taken off the probe, and later '
        'words of it are refused. There is no way back.',
    )
    base.add_probe(parser)
    base.add_agent(parser)
    parser.add_argument('register', help='its id, 16 hexadecimal digits')


def _list(conf: cfg.ConfigOpts, probe: str | None = None) -> None:
    with db_engine.connect(conf).begin() as connection:
        base.show(
            [
                'probe',
                'role',
                'kWh',
                'overlap kWh',
                'pending kWh',
                'coverage',
                'last moved',
                'agent',
                'register',
                'incarnation',
            ],
            (
                [
                    item.probe,
                    item.role,
                    base.kwh(item.millijoules),
                    base.kwh(item.overlap),
                    base.kwh(item.pending),
                    f'{item.coverage:.4f}',
                    base.moment(item.heard_at),
                    item.agent,
                    item.register,
                    item.incarnation,
                ]
                for item in administration.list_registers(connection, probe)
            ),
        )


def _show(conf: cfg.ConfigOpts) -> None:
    _list(conf, conf.command.probe)


def _void(conf: cfg.ConfigOpts) -> None:
    command = conf.command
    with db_engine.connect(conf).begin() as connection:
        struck = administration.void(
            connection,
            command.probe,
            command.agent_uuid,
            command.register,
            getpass.getuser(),
        )
    print(
        f'Register {command.register} is void: probe {command.probe} fell '
        f'by {base.kwh(struck)} kWh. If an agent still keeps this register, '
        'restart it: it opens a new one'
    )
