# SPDX-License-Identifier: Apache-2.0

"""energy-meter-api: the API with its own HTTP server."""

from oslo_config import cfg
from oslo_service import service as oslo_service

from energy_meter.api import app
from energy_meter.cmd import service
from energy_meter.db import engine
from energy_meter.db import migration

_PROG = 'energy-meter-api'
_DESCRIPTION = (
    'Serve the API. In larger installations, run '
    'energy_meter.wsgi.api:application in uWSGI instead.'
)


def main() -> None:
    """Run the API."""
    conf = service.load(_PROG, _DESCRIPTION)
    service.run(conf, lambda: _services(conf))


def _services(conf: cfg.ConfigOpts) -> list[oslo_service.ServiceBase]:
    migration.check(engine.connect(conf))
    return [app.API(conf)]
