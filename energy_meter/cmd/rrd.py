# SPDX-License-Identifier: Apache-2.0


"""energy-meter-rrd: the RRD plugin, archive and pages."""

import functools
import sys

from energy_meter import rrd
from energy_meter.cmd import service

_PROG = 'energy-meter-rrd'
_DESCRIPTION = (
    'Read measurements from the bus, keep the power of every '
    'probe in an RRD file, and serve graphs of it.'
)


def main() -> None:
    if not rrd.is_installed():
        sys.exit(f'{_PROG}: {rrd.NOT_INSTALLED}')
    from energy_meter.rrd import service as rrd_service
    from energy_meter.rrd.pages import app

    conf = service.load(_PROG, _DESCRIPTION)
    # The pages first: a port that is taken shows before anything is read.
    reload = functools.partial(service.read, _PROG, _DESCRIPTION)
    service.run(
        conf, lambda: [app.serve(conf), rrd_service.Recorder(conf, reload)]
    )
