# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License. You may obtain
# a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
# WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
# License for the specific language governing permissions and limitations
# under the License.

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
