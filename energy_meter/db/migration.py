# SPDX-License-Identifier: Apache-2.0

"""Revision of the database schema."""

import pathlib

import sqlalchemy as sa

from energy_meter import exception
from energy_meter.db import engine as db_engine

_SCRIPTS = pathlib.Path(__file__).parent / 'alembic'
#: Alembic's table.
_VERSION = sa.table('alembic_version', sa.column('version_num', sa.String))


def head() -> str:
    """Return the revision that this release requires."""
    return _known()[-1]


def _known() -> list[str]:
    """Return the revisions of this release in their order.

    The names of their files begin with them.
    """
    return sorted(
        path.name.partition('_')[0]
        for path in (_SCRIPTS / 'versions').glob('[0-9]*.py')
    )


def version(engine: sa.Engine) -> str | None:
    """Return the database's revision; None if it was never synced."""
    with engine.connect() as connection:
        if not sa.inspect(connection).has_table(_VERSION.name):
            return None
        return connection.scalar(sa.select(_VERSION.c.version_num))


def sync(engine: sa.Engine, revision: str = 'head') -> None:
    """Upgrade the database to the revision that this release requires.

    :param revision: an earlier revision, to stop there.
    :raises SchemaTooNew: if a newer release has upgraded the database.
    """
    # Not at the top: the import takes 0.15 s and 10 MiB in each service, which
    # only checks the revision.
    import alembic.command
    import alembic.config

    _check_known(version(engine))
    config = alembic.config.Config()
    config.set_main_option('script_location', str(_SCRIPTS))
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
    if revision is not None and revision not in _known():
        raise exception.SchemaTooNew(found=revision)
