# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License. You may obtain
# a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
# WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
# License for the specific language governing permissions and limitations
# under the License.

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
