# SPDX-License-Identifier: Apache-2.0

"""energy-meter-collector: merges measurements into the database."""

import functools
import sys

from oslo_config import cfg
from oslo_service import service as oslo_service

from energy_meter.bus import authorization
from energy_meter.bus import transport as bus_transport
from energy_meter.cmd import check
from energy_meter.cmd import service
from energy_meter.collector import probe_sections
from energy_meter.collector import service as collector_service
from energy_meter.conf import bus as bus_conf
from energy_meter.db import engine
from energy_meter.db import migration
from energy_meter.status import bus
from energy_meter.status import database

_PROG = 'energy-meter-collector'
_DESCRIPTION = (
    'Read measurements from the bus and keep the energy of every probe in '
    'the database.'
)


def main() -> None:
    """Run the collector."""
    conf = service.load(_PROG, _DESCRIPTION, check.OPTS)
    if conf.check:
        result = check.Check(conf)
        result.attempt(
            authorization.load,
            functools.partial(
                bus_transport.connect_sources, section=bus_conf.GROUP
            ),
            engine.connect,
        )
        result.errors += probe_sections.read(conf)[1]
        sys.exit(
            result.finish(
                {'Broker': bus.sources, 'Database': database.revision}
            )
        )
    service.run(conf, lambda: _services(conf))


def _services(conf: cfg.ConfigOpts) -> list[oslo_service.ServiceBase]:
    migration.check(engine.connect(conf))
    reload = functools.partial(service.read, _PROG, _DESCRIPTION, check.OPTS)
    return [collector_service.Collector(conf, reload)]
