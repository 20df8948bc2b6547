# SPDX-License-Identifier: Apache-2.0

"""Commands for probes."""

import getpass

from oslo_config import cfg

from energy_meter.cmd.manage import base
from energy_meter.collector import administration
from energy_meter.db import engine as db_engine
from energy_meter.db import probes


def add_commands(areas: base.Areas) -> None:
    """Add the commands to the parser."""
    area = base.Area(areas, 'probe', 'Manage probes.')
    area.add('list', _list, 'List all probes, including stale ones.')
    base.add_probe(
        area.add(
            'delete',
            _delete,
            'Delete a probe that is no longer metered, and its energy. '
            'This cannot be undone.',
        )
    )


def _list(conf: cfg.ConfigOpts) -> None:
    with db_engine.connect(conf).begin() as connection:
        base.show(
            [
                'probe',
                'kWh',
                'W',
                'last measurement',
                'coverage',
                'scope',
                'host',
                'wattmeter',
            ],
            (
                [
                    probe.id,
                    f'{probe.kwh:.6f}',
                    '-' if probe.watts is None else f'{probe.watts:.1f}',
                    base.utc(probe.timestamp),
                    f'{probe.coverage:.4f}',
                    probe.scope,
                    probe.host,
                    probe.wattmeter,
                ]
                for probe in probes.list_states(connection, base.FOREVER_S)
            ),
        )


def _delete(conf: cfg.ConfigOpts) -> None:
    probe = conf.command.probe
    with db_engine.connect(conf).begin() as connection:
        millijoules = administration.delete_probe(
            connection, probe, getpass.getuser()
        )
    print(f'Deleted probe {probe} with {base.kwh(millijoules)} kWh')
