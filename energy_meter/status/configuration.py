# SPDX-License-Identifier: Apache-2.0

"""Check of the configuration files."""

from oslo_config import cfg
from oslo_upgradecheck import upgradecheck

from energy_meter.conf import unread


def check(conf: cfg.ConfigOpts) -> upgradecheck.Result:
    """Check that each option and section has an effect."""
    errors = unread.find(conf)
    return upgradecheck.Result(
        upgradecheck.Code.WARNING if errors else upgradecheck.Code.SUCCESS,
        '. '.join(map(str, errors)),
    )
