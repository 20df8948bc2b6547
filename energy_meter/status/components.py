# SPDX-License-Identifier: Apache-2.0

"""Check that there is something to check."""

from oslo_config import cfg
from oslo_upgradecheck import upgradecheck

from energy_meter.status import bus


def is_configured(conf: cfg.ConfigOpts) -> bool:
    """Return whether a database or a bus is configured.

    Every service requires one of them.
    """
    return bool(conf.database.connection) or bus.is_configured(conf)


def check(conf: cfg.ConfigOpts) -> upgradecheck.Result:
    """Check that at least one component is configured."""
    if is_configured(conf):
        return upgradecheck.Result(upgradecheck.Code.SUCCESS)
    files = ', '.join(conf.config_file) or 'none'
    return upgradecheck.Result(
        upgradecheck.Code.FAILURE,
        'Nothing was checked: neither [database] connection nor [DEFAULT] '
        f'transport_url is configured. Configuration files: {files}. Name '
        'those of the services with --config-file or --config-dir.',
    )
