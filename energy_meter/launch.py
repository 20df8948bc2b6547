# SPDX-License-Identifier: Apache-2.0

"""Console scripts of the services.

Importing a service takes most of its first second. So that SIGHUP cannot end
it meanwhile, its script imports only this module, which imports the service
once the signal is held.
"""

import functools
import importlib

from energy_meter import hangup


def _launch(name: str) -> None:
    """Run a service.

    :param name: its module in :mod:`energy_meter.cmd`.
    """
    hangup.hold()
    importlib.import_module(f'energy_meter.cmd.{name}').main()


agent = functools.partial(_launch, 'agent')
api = functools.partial(_launch, 'api')
collector = functools.partial(_launch, 'collector')
forwarder = functools.partial(_launch, 'forwarder')
rrd = functools.partial(_launch, 'rrd')
standalone = functools.partial(_launch, 'standalone')
