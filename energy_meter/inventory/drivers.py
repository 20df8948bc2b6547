# SPDX-License-Identifier: Apache-2.0

"""Options that the wattmeters of each driver can have."""

import functools
import importlib.metadata

from energy_meter import exception
from energy_meter.conf import wattmeter
from energy_meter.discover import templates
from energy_meter.drivers import base

_NAMESPACE = 'energy_meter.drivers'


class Options:
    """Names of the options of a driver's wattmeters.

    :ivar secrets: options with a secret.
    :ivar files: options with the path of a file that contains a secret, with
        the name of the secret.
    :ivar names: all options.
    """

    def __init__(self, driver: type[base.Driver]) -> None:
        opts = [*wattmeter.OPTS, *driver.opts]
        self.secrets = {opt.name for opt in opts if opt.secret}
        self.files = {
            name + templates.FILE_SUFFIX: name for name in self.secrets
        }
        self.names = {opt.name for opt in opts} | self.files.keys()


@functools.cache
def options(driver: str) -> Options:
    """Return the options of a driver.

    :raises ConfigurationError: if the driver does not exist or cannot be
        loaded.
    """
    available = importlib.metadata.entry_points(group=_NAMESPACE)
    if driver not in available.names:
        raise exception.ConfigurationError(
            f'driver {driver!r} is unknown; expected one of '
            f'{", ".join(sorted(available.names))}'
        )
    try:
        return Options(available[driver].load())
    except ImportError as error:
        raise exception.ConfigurationError(
            f'cannot load driver {driver!r}: {error}'
        ) from None
