# SPDX-License-Identifier: Apache-2.0

"""Commands for the files of the RRD plugin."""

import sys

from oslo_config import cfg

from energy_meter import rrd
from energy_meter.cmd.manage import base


def add_commands(areas: base.Areas) -> None:
    """Add the commands to the parser."""
    area = base.Area(areas, 'rrd', 'Manage the files of the RRD plugin.')
    base.add_confirmation(
        area.add(
            'migrate',
            _migrate,
            'Convert all RRD files to [rrd] step, max_gap and archives. Data '
            'is kept as far as the archives have room for it. Stop '
            'energy-meter-rrd first.',
        )
    )


def _migrate(conf: cfg.ConfigOpts) -> None:
    if not rrd.is_installed():
        sys.exit(f'{base.PROG}: {rrd.NOT_INSTALLED}')
    import tqdm

    from energy_meter.rrd.writing import migration

    outcome = base.carry_out(
        conf,
        lambda is_dry: migration.migrate(
            conf, lambda paths: tqdm.tqdm(paths, unit='file'), is_dry
        ),
        lambda outcome: (
            f'Convert {outcome.rewritten} RRD files? Data for which '
            '[rrd] archives have no room is removed. This cannot be undone.'
        ),
    )
    print(f'Converted {outcome.rewritten} files')
    for path, reason in outcome.failures.items():
        print(f'Skipped {path}: {reason}', file=sys.stderr)
    if outcome.failures:
        sys.exit(1)
