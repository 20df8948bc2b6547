# SPDX-License-Identifier: Apache-2.0


"""Where the applications for WSGI servers find their configuration.

The arguments of the process are the server's. Where the configuration is,
the environment tells: ``OS_ENERGY_METER_CONFIG_FILES``, separated by commas,
and ``OS_ENERGY_METER_CONFIG_DIR``. By default it is where the commands look
for it, /etc/energy_meter/energy_meter.conf.
"""

import os

from oslo_config import cfg
from oslo_log import log

from energy_meter import conf as energy_meter_conf


def load(prog: str) -> cfg.ConfigOpts:
    """Read the configuration and set up the log.

    :param prog: name of the command that serves the same by itself.
    """
    arguments = []
    for name in os.environ.get('OS_ENERGY_METER_CONFIG_FILES', '').split(','):
        if name.strip():
            arguments += ['--config-file', name.strip()]
    directory = os.environ.get('OS_ENERGY_METER_CONFIG_DIR')
    if directory:
        arguments += ['--config-dir', directory]
    conf = energy_meter_conf.load(arguments, prog)
    log.setup(conf, 'energy_meter')
    return conf
