# SPDX-License-Identifier: Apache-2.0

"""Quotas with chosen limits."""

import collections.abc
import time

from oslo_config import cfg

from energy_meter.collector import quotas
from energy_meter.conf import collector


def make(
    clock: collections.abc.Callable[[], float] = time.monotonic, **limits: int
) -> quotas.Quotas:
    """Return quotas; those that are not given have their defaults.

    :param limits: options of ``[collector]``.
    """
    conf = cfg.ConfigOpts()
    collector.register_opts(conf)
    for name, value in limits.items():
        conf.set_override(name, value, collector.GROUP)
    return quotas.Quotas(conf.collector, clock)
