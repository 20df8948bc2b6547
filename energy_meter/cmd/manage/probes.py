# SPDX-License-Identifier: Apache-2.0

"""Commands about probes."""

import getpass

from oslo_config import cfg

from energy_meter.cmd.manage import base
from energy_meter.collector import administration
from energy_meter.db import engine as db_engine
from energy_meter.db import probes


def add_commands(areas: base.Areas) -> None:
    area = base.Area(areas, 'probe', 'The probes.')
    area.add('list', _list, 'List all probes, silent ones too.')
    base.add_probe(
        area.add(
            'forget',
            _forget,
            'Delete a probe that is not metered any longer, and its energy. '
            'There is no way back.',
        )
    )


def _list(conf: cfg.ConfigOpts) -> None:
    with db_engine.connect(conf).begin() as connection:
        base.show(
            [
                'probe',
                'kWh',
                'W',
                'measured',
                'coverage',
                'scope',
                'host',
                'wattmeter',
            ],
            (
                [
                    item.id,
                    f'{item.kwh:.6f}',
                    '-' if item.watts is None else f'{item.watts:.1f}',
                    base.moment(item.timestamp),
                    f'{item.coverage:.4f}',
                    item.scope,
                    item.host,
                    item.wattmeter,
                ]
                for item in probes.list_states(connection, base.FOREVER)
            ),
        )


def _forget(conf: cfg.ConfigOpts) -> None:
    probe = conf.command.probe
    with db_engine.connect(conf).begin() as connection:
        millijoules = administration.forget(
            connection, probe, getpass.getuser()
        )
    print(f'Probe {probe} and its {base.kwh(millijoules)} kWh are gone')
