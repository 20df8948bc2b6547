# SPDX-License-Identifier: Apache-2.0

"""energy-meter-rrd: the RRD plugin with its archive and graph pages."""

import functools
import sys

from energy_meter import rrd
from energy_meter.bus import authorization
from energy_meter.bus import transport as bus_transport
from energy_meter.cmd import check
from energy_meter.cmd import service
from energy_meter.conf import bus as bus_conf
from energy_meter.conf import rrd as rrd_conf
from energy_meter.status import bus
from energy_meter.status import identity

_PROG = 'energy-meter-rrd'
_DESCRIPTION = (
    'Read measurements from the bus, store the power of each probe in an '
    'RRD file, and serve graphs of it.'
)


def main() -> None:
    """Run the RRD plugin."""
    if not rrd.is_installed():
        sys.exit(f'{_PROG}: {rrd.NOT_INSTALLED}')
    from energy_meter.rrd import service as rrd_service
    from energy_meter.rrd.pages import app

    conf = service.load(_PROG, _DESCRIPTION, check.OPTS)
    if conf.check:
        result = check.Check(conf)
        result.attempt(
            authorization.load,
            functools.partial(
                bus_transport.connect_sources, section=bus_conf.GROUP
            ),
            app.serve,
        )
        sys.exit(
            result.finish(
                {
                    'Broker': bus.sources,
                    'Keystone': functools.partial(
                        identity.login, section=rrd_conf.GROUP
                    ),
                }
            )
        )
    # The server is first, so that it fails before messages are consumed.
    reload = functools.partial(service.read, _PROG, _DESCRIPTION, check.OPTS)
    service.run(conf, lambda: [app.serve(conf), rrd_service.RRD(conf, reload)])
