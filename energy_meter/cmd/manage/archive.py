# SPDX-License-Identifier: Apache-2.0

"""Commands about the files of the RRD plugin."""

import sys

from oslo_config import cfg

from energy_meter import rrd
from energy_meter.cmd.manage import base


def add_commands(areas: base.Areas) -> None:
    area = base.Area(areas, 'rrd', 'The files of the RRD plugin.')
    area.add(
        'migrate',
        _migrate,
        'Make all RRD files as [rrd] step, max_gap and archives say, and '
        'keep what they hold. Stop energy-meter-rrd first.',
    )


def _migrate(conf: cfg.ConfigOpts) -> None:
    if not rrd.is_installed():
        sys.exit(f'{base.PROG}: {rrd.NOT_INSTALLED}')
    import tqdm

    from energy_meter.rrd import migration

    outcome = migration.migrate(
        conf, lambda paths: tqdm.tqdm(paths, unit='file')
    )
    print(f'{outcome.rewritten} files rewritten')
    for path, reason in outcome.failures.items():
        print(f'{path} stays as it is: {reason}', file=sys.stderr)
    if outcome.failures:
        sys.exit(1)
