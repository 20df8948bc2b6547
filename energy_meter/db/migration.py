# SPDX-License-Identifier: Apache-2.0

"""Revision of the database schema."""

import pathlib

import alembic.command
import alembic.config
import alembic.migration
import alembic.script
import sqlalchemy as sa

from energy_meter import exception
from energy_meter.db import engine as db_engine


def _config() -> alembic.config.Config:
    config = alembic.config.Config()
    config.set_main_option(
        'script_location', str(pathlib.Path(__file__).parent / 'alembic')
    )
    return config


def head() -> str:
    """Return the revision that this release requires."""
    revision = alembic.script.ScriptDirectory.from_config(
        _config()
    ).get_current_head()
    assert revision is not None, 'the package contains its revisions'
    return revision


def version(engine: sa.Engine) -> str | None:
    """Return the database's revision; None if it was never synced."""
    with engine.connect() as connection:
        return alembic.migration.MigrationContext.configure(
            connection
        ).get_current_revision()


def sync(engine: sa.Engine, revision: str = 'head') -> None:
    """Upgrade the database to the revision that this release requires.

    :param revision: an earlier revision, to stop there.
    :raises SchemaTooNew: if a newer release has upgraded the database.
    """
    _check_known(version(engine))
    config = _config()
    with engine.begin() as connection:
        config.attributes['connection'] = connection
        alembic.command.upgrade(config, revision)


def check(engine: sa.Engine) -> None:
    """Check that the database is at the revision that this release requires.

    An unavailable database passes: the service waits for it.

    :raises SchemaTooNew: if a newer release has upgraded the database.
    :raises SchemaOutOfDate: if the database is at an older revision, or at
        none.
    """
    try:
        revision = version(engine)
    except db_engine.ERRORS:
        return
    _check_known(revision)
    if revision != head():
        raise exception.SchemaOutOfDate(
            found=revision or 'none', needed=head()
        )


def _check_known(revision: str | None) -> None:
    """Check that this release has the revision of a database, if any.

    :raises SchemaTooNew: if it does not.
    """
    scripts = alembic.script.ScriptDirectory.from_config(_config())
    known = {script.revision for script in scripts.walk_revisions()}
    if revision is not None and revision not in known:
        raise exception.SchemaTooNew(found=revision)
