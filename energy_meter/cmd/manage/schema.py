# SPDX-License-Identifier: Apache-2.0

"""Commands for the database schema."""

from oslo_config import cfg

from energy_meter.cmd.manage import base
from energy_meter.db import engine as db_engine
from energy_meter.db import migration


def add_commands(areas: base.Areas) -> None:
    """Add the commands to the parser."""
    area = base.Area(areas, 'db', 'Manage the database schema.')
    area.add('sync', _sync, 'Upgrade the database schema to this release.')
    area.add('version', _version, 'Show the revision of the database schema.')


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
    revision = migration.version(db_engine.connect(conf)) or 'none'
    print(f'Revision {revision}; this release requires {migration.head()}')
