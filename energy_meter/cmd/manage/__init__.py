# SPDX-License-Identifier: Apache-2.0

"""energy-meter-manage: administration of an installation."""

import sys

from oslo_config import cfg
from oslo_db import exception as db_exception

from energy_meter import exception
from energy_meter.cmd import output
from energy_meter.cmd import service
from energy_meter.cmd.manage import agents
from energy_meter.cmd.manage import archive
from energy_meter.cmd.manage import base
from energy_meter.cmd.manage import days
from energy_meter.cmd.manage import gnocchi
from energy_meter.cmd.manage import identity
from energy_meter.cmd.manage import probes
from energy_meter.cmd.manage import registers
from energy_meter.cmd.manage import schema
from energy_meter.db import engine as db_engine

_DESCRIPTION = 'Set up and administer an installation of energy_meter.'

#: In the order of --help.
_AREAS = (
    schema,
    registers,
    probes,
    days,
    agents,
    identity,
    gnocchi,
    archive,
)


def main() -> None:
    """Run one command."""
    output.ignore_closed_pipe()
    conf = service.load(
        base.PROG,
        _DESCRIPTION,
        [
            cfg.SubCommandOpt(
                'command',
                title='commands',
                handler=_add_commands,
                help='Area and action; each has its own --help.',
            )
        ],
    )
    try:
        conf.command.run(conf)
    except exception.EnergyMeterError as error:
        sys.exit(f'{base.PROG}: {error}')
    except db_exception.DBNonExistentTable:
        sys.exit(
            f'{base.PROG}: the database has no tables; run {base.PROG} db sync'
        )
    except db_engine.ERRORS as error:
        sys.exit(
            f'{base.PROG}: cannot use the database '
            f'({db_engine.explain(error)}); check [database] connection and '
            'the database server'
        )


def _add_commands(areas: base.Areas) -> None:
    for area in _AREAS:
        area.add_commands(areas)
