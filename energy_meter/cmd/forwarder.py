# SPDX-License-Identifier: Apache-2.0

"""energy-meter-forwarder: copies measurements from one bus to another."""

import functools

from energy_meter.cmd import service
from energy_meter.forwarder import service as forwarder_service

_PROG = 'energy-meter-forwarder'
_DESCRIPTION = (
    'Forward signed measurements unchanged from one or more buses to another.'
)


def main() -> None:
    """Run the forwarder."""
    conf = service.load(_PROG, _DESCRIPTION)
    reload = functools.partial(service.read, _PROG, _DESCRIPTION)
    service.run(conf, lambda: [forwarder_service.Forwarder(conf, reload)])
