# SPDX-License-Identifier: Apache-2.0

"""Configuration of the applications for WSGI servers.

The arguments of the process belong to the WSGI server, so the environment
names the files: ``OS_ENERGY_METER_CONFIG_FILES``, separated by commas, and
``OS_ENERGY_METER_CONFIG_DIR``. The default is that of the commands,
/etc/energy_meter/energy_meter.conf.
"""

import os

from oslo_config import cfg
from oslo_log import log

from energy_meter import conf as energy_meter_conf
from energy_meter.conf import mistakes


def load(prog: str) -> cfg.ConfigOpts:
    """Load the configuration and set up logging.

    :param prog: name of the command that serves the same application.
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
    mistakes.log(conf)
    return conf
