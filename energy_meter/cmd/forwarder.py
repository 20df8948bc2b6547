# SPDX-License-Identifier: Apache-2.0

"""energy-meter-forwarder: copies measurements from one bus to another."""

import functools
import sys

from energy_meter.cmd import check
from energy_meter.cmd import service
from energy_meter.conf import forwarder as forwarder_conf
from energy_meter.forwarder import service as forwarder_service
from energy_meter.status import bus

_PROG = 'energy-meter-forwarder'
_DESCRIPTION = (
    'Forward signed measurements unchanged from one or more buses to another.'
)


def main() -> None:
    """Run the forwarder."""
    conf = service.load(_PROG, _DESCRIPTION, check.OPTS)
    reload = functools.partial(service.read, _PROG, _DESCRIPTION, check.OPTS)
    if conf.check:
        result = check.Check(conf)
        result.attempt(lambda _: forwarder_service.Forwarder(conf, reload))
        sys.exit(
            result.finish(
                {
                    'Sources': functools.partial(
                        bus.sources, section=forwarder_conf.GROUP
                    ),
                    'Destination': bus.destination,
                }
            )
        )
    service.run(conf, lambda: [forwarder_service.Forwarder(conf, reload)])
