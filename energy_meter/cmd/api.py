# SPDX-License-Identifier: Apache-2.0

"""energy-meter-api: the API with its own HTTP server."""

import sys

from oslo_config import cfg
from oslo_service import service as oslo_service

from energy_meter.api import app
from energy_meter.cmd import check
from energy_meter.cmd import service
from energy_meter.db import engine
from energy_meter.db import migration
from energy_meter.status import database
from energy_meter.status import identity

_PROG = 'energy-meter-api'
_DESCRIPTION = (
    'Serve the API. In larger installations, run '
    'energy_meter.wsgi.api:application in uWSGI instead.'
)


def main() -> None:
    """Run the API."""
    conf = service.load(_PROG, _DESCRIPTION, check.OPTS)
    if conf.check:
        result = check.Check(conf)
        result.attempt(engine.connect, app.API)
        sys.exit(
            result.finish(
                {'Database': database.revision, 'Keystone': identity.login}
            )
        )
    service.run(conf, lambda: _services(conf))


def _services(conf: cfg.ConfigOpts) -> list[oslo_service.ServiceBase]:
    migration.check(engine.connect(conf))
    return [app.API(conf)]
