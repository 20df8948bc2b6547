# SPDX-License-Identifier: Apache-2.0

"""The revision of the database's schema."""

import pathlib

import alembic.command
import alembic.config
import alembic.migration
import alembic.script
from oslo_db import exception as db_exception
import sqlalchemy as sa

from energy_meter import exception


def _config() -> alembic.config.Config:
    config = alembic.config.Config()
    config.set_main_option(
        'script_location', str(pathlib.Path(__file__).parent / 'alembic')
    )
    return config


def head() -> str:
    """Give the revision that this release needs."""
    revision = alembic.script.ScriptDirectory.from_config(
        _config()
    ).get_current_head()
    assert revision is not None, 'the package ships its revisions'
    return revision


def version(engine: sa.Engine) -> str | None:
    """Give the database's revision; None for a database without one."""
    with engine.connect() as connection:
        return alembic.migration.MigrationContext.configure(
            connection
        ).get_current_revision()


def sync(engine: sa.Engine) -> None:
    """Bring the database to the revision that this release needs."""
    config = _config()
    with engine.begin() as connection:
        config.attributes['connection'] = connection
        alembic.command.upgrade(config, 'head')


def check(engine: sa.Engine) -> None:
    """Refuse a database of another revision than this release needs.

    One that is away is not refused: nobody knows.

    :raises WrongRevision: when it has to be synced.
    """
    try:
        found = version(engine)
    except (db_exception.DBError, sa.exc.SQLAlchemyError):
        return
    if found != head():
        raise exception.WrongRevision(found=found or 'none', needed=head())
