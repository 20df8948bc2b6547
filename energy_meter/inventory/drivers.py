# SPDX-License-Identifier: Apache-2.0

"""Options that the wattmeters of each driver can have."""

import functools

from energy_meter.agent import plugins
from energy_meter.conf import sections
from energy_meter.conf import wattmeter
from energy_meter.discover import templates
from energy_meter.inventory import device


class Options:
    """Names of the options of a driver's wattmeters.

    :ivar secrets: options with a secret.
    :ivar files: options with the path of a file that contains a secret, with
        the name of the secret.
    :ivar names: all options.
    """

    def __init__(self, driver: str) -> None:
        """Load the driver.

        :raises ConfigurationError: if it does not exist.
        """
        _, plugin = plugins.find(
            sections.Section('', driver, {device.DRIVER: [driver]})
        )
        opts = [*wattmeter.OPTS, *plugin.opts]
        self.secrets = {opt.name for opt in opts if opt.secret}
        self.files = {
            name + templates.FILE_SUFFIX: name for name in self.secrets
        }
        self.names = {opt.name for opt in opts} | self.files.keys()


@functools.cache
def options(driver: str) -> Options:
    """Return the options of a driver.

    :raises ConfigurationError: if the driver does not exist.
    """
    return Options(driver)
