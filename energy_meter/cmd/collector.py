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

"""energy-meter-collector: from the bus into the database."""

import functools

from oslo_config import cfg
from oslo_service import service as oslo_service

from energy_meter.cmd import service
from energy_meter.collector import service as collector_service
from energy_meter.db import engine
from energy_meter.db import migration

_PROG = 'energy-meter-collector'
_DESCRIPTION = (
    'Read measurements from the bus and keep the energy of every '
    'probe in the database.'
)


def main() -> None:
    conf = service.load(_PROG, _DESCRIPTION)
    service.run(conf, lambda: _services(conf))


def _services(conf: cfg.ConfigOpts) -> list[oslo_service.ServiceBase]:
    migration.check(engine.connect(conf))
    reload = functools.partial(service.read, _PROG, _DESCRIPTION)
    return [collector_service.Collector(conf, reload)]
