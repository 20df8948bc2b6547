# SPDX-License-Identifier: Apache-2.0

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
