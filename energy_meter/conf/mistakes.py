# SPDX-License-Identifier: Apache-2.0

"""Log of mistakes in the configuration that do not stop a service."""

import logging

from oslo_config import cfg

from energy_meter.conf import unread
from energy_meter.conf import weak_secrets

LOG = logging.getLogger(__name__)


def log(conf: cfg.ConfigOpts) -> None:
    """Read the configuration files again, and log each mistake in them.

    :raises OSError: if a file cannot be read.
    """
    for error in unread.find(conf) + weak_secrets.find(conf):
        LOG.warning('%s', error)
