# SPDX-License-Identifier: Apache-2.0

"""energy-meter-collector: merges measurements into the database."""

import functools

from oslo_config import cfg
from oslo_service import service as oslo_service

from energy_meter.cmd import service
from energy_meter.collector import service as collector_service
from energy_meter.db import engine
from energy_meter.db import migration

_PROG = 'energy-meter-collector'
_DESCRIPTION = (
    'Read measurements from the bus and keep the energy of every probe in '
    'the database.'
)


def main() -> None:
    """Run the collector."""
    conf = service.load(_PROG, _DESCRIPTION)
    service.run(conf, lambda: _services(conf))


def _services(conf: cfg.ConfigOpts) -> list[oslo_service.ServiceBase]:
    migration.check(engine.connect(conf))
    reload = functools.partial(service.read, _PROG, _DESCRIPTION)
    return [collector_service.Collector(conf, reload)]
