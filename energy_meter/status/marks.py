# SPDX-License-Identifier: Apache-2.0

"""Check of the marks that an agent on this machine buffers."""

import pathlib

from oslo_config import cfg
from oslo_upgradecheck import upgradecheck

from energy_meter.conf import agent as agent_conf

#: Share of the maximum size above which the oldest marks may soon be deleted.
_MAX_SHARE = 0.8


def check(conf: cfg.ConfigOpts) -> upgradecheck.Result:
    """Check that the marks are far from the size at which some are deleted."""
    directory = pathlib.Path(conf.state_path, 'marks')
    try:
        size = sum(file.stat().st_size for file in directory.iterdir())
    except FileNotFoundError:
        return upgradecheck.Result(
            upgradecheck.Code.SUCCESS, 'Skipped, no agent ran here.'
        )
    except OSError as error:
        return upgradecheck.Result(
            upgradecheck.Code.WARNING,
            f'Cannot read {directory} ({error.strerror}). Run this command as '
            'the user of the agent.',
        )
    if size <= _MAX_SHARE * agent_conf.MARK_BUFFER_BYTES:
        return upgradecheck.Result(upgradecheck.Code.SUCCESS)
    return upgradecheck.Result(
        upgradecheck.Code.WARNING,
        f'{directory} has {size >> 20} of at most '
        f'{agent_conf.MARK_BUFFER_BYTES >> 20} MiB. Beyond that, the agent '
        'deletes its oldest marks. Check that it can publish, or read its '
        'meters at a longer [agent] profile_interval.',
    )
