# SPDX-License-Identifier: Apache-2.0

"""Commands for the registers of probes."""

from oslo_config import cfg

from energy_meter.cmd.manage import base
from energy_meter.cmd.manage import listing
from energy_meter.cmd.manage import units
from energy_meter.collector import administration
from energy_meter.collector import registers
from energy_meter.db import engine as db_engine


def add_commands(areas: base.Areas) -> None:
    """Add the commands to the parser."""
    area = base.Area(areas, 'register', 'Manage the registers of probes.')
    listing.add_format(area.add('list', _list, 'List all registers.'))
    parser = area.add('show', _show, 'Show the registers of a probe.')
    base.add_probe(parser)
    listing.add_format(parser)
    parser = area.add(
        'void',
        _void,
        'Void a register: subtract its energy from the probe and reject its '
        'later measurements. What other registers metered at the same time '
        'is billed instead, up to 30 days ago. This cannot be undone.',
    )
    base.add_probe(parser)
    base.add_agent(parser)
    parser.add_argument(
        'register',
        help='ID of the register, 16 hexadecimal digits, or at least its '
        'first four digits if they are unique',
    )
    base.add_confirmation(parser)


def _list(conf: cfg.ConfigOpts, probe: str | None = None) -> None:
    with db_engine.connect(conf).begin() as connection:
        known = units.Units(connection)
        listing.show(
            conf,
            [
                listing.Column('probe'),
                listing.Column('line'),
                listing.Column('role'),
                units.KWH.column(),
                units.KWH.column('overlap '),
                units.CPU_HOURS.column(),
                listing.Column('opened'),
                listing.Column('clock'),
                listing.Column('coverage', listing.SHARE),
                listing.Column('last update'),
                listing.Column('agent name'),
                listing.Column('agent'),
                listing.Column('register'),
            ],
            (
                [
                    view.probe,
                    view.line,
                    view.role,
                    *_amounts(view, known.of(view.probe)),
                    base.utc(view.opened_at),
                    view.correction and view.correction.removeprefix('clock_'),
                    view.coverage,
                    base.utc(view.last_seen_at),
                    view.agent_name,
                    view.agent,
                    view.register,
                ]
                for view in registers.list_registers(connection, probe)
            ),
        )


def _amounts(
    view: registers.RegisterView, unit: units.Unit
) -> list[listing.Value]:
    """Return the energy and the overlap, or the CPU time."""
    if unit is units.CPU_HOURS:
        return [None, None, unit.convert(view.millijoules)]
    return [*map(unit.convert, (view.millijoules, view.overlap)), None]


def _show(conf: cfg.ConfigOpts) -> None:
    _list(conf, conf.command.probe)


def _void(conf: cfg.ConfigOpts) -> None:
    command = conf.command
    with db_engine.connect(conf).connect() as connection:
        view = registers.find(
            connection, command.probe, command.agent_id, command.register
        )
        unit = units.Units(connection).of(command.probe)
    removed = base.change_database(
        conf,
        lambda engine: administration.void(
            engine, view.probe, view.agent, view.register, base.operator()
        ),
        lambda removed: (
            f'Void register {view.register} with '
            f'{unit.format(view.millijoules)}, agent {view.agent_name}? This '
            f'removes {unit.format(removed)} from probe {view.probe}, and '
            'cannot be undone.'
        ),
    )
    print(
        f'Voided register {view.register}. Removed {unit.format(removed)} '
        f'from probe {view.probe}. If an agent still uses this register, '
        'restart the agent so that it opens a new one'
    )
