# SPDX-License-Identifier: Apache-2.0

"""Check of the RRD archive on this machine."""

import pathlib
import shutil

from oslo_config import cfg
from oslo_upgradecheck import upgradecheck


def check(conf: cfg.ConfigOpts) -> upgradecheck.Result:
    """Check that there is room for files of new probes."""
    directory = pathlib.Path(conf.rrd.directory)
    if not directory.exists():
        return upgradecheck.Result(
            upgradecheck.Code.SUCCESS, 'Skipped, no RRD plugin ran here.'
        )
    if shutil.disk_usage(directory).free >= conf.rrd.min_free_mb << 20:
        return upgradecheck.Result(upgradecheck.Code.SUCCESS)
    return upgradecheck.Result(
        upgradecheck.Code.WARNING,
        f'{directory} has less than [rrd] min_free_mb = '
        f'{conf.rrd.min_free_mb} free. New probes get no files, and no graphs '
        'are cached. Free some space.',
    )
