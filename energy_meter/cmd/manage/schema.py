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

"""Commands about the schema of the database."""

from oslo_config import cfg

from energy_meter.cmd.manage import base
from energy_meter.db import engine as db_engine
from energy_meter.db import migration


def add_commands(areas: base.Areas) -> None:
    area = base.Area(areas, 'db', 'The schema of the database.')
    area.add('sync', _sync, 'Bring the database to this release.')
    area.add('version', _version, 'Show the revision of the database.')


def _sync(conf: cfg.ConfigOpts) -> None:
    engine = db_engine.connect(conf)
    before = migration.version(engine)
    migration.sync(engine)
    after = migration.version(engine)
    print(
        f'Revision {after}'
        if before == after
        else f'Revision {before or "none"} -> {after}'
    )


def _version(conf: cfg.ConfigOpts) -> None:
    found = migration.version(db_engine.connect(conf))
    print(f'Revision {found or "none"}; this release needs {migration.head()}')
