# SPDX-License-Identifier: Apache-2.0

"""Connections to the database, and its clock."""

import collections.abc
import contextlib
import logging
import typing

from oslo_config import cfg
from oslo_db import exception as db_exception
from oslo_db.sqlalchemy import enginefacade
import sqlalchemy as sa
from sqlalchemy.ext import compiler
from sqlalchemy.sql import functions

from energy_meter import exception

#: Errors of the database and of its driver.
ERRORS = (db_exception.DBError, sa.exc.SQLAlchemyError)

#: It logs nothing but tracebacks of the errors that it raises, as warnings.
_ERROR_LOGGER = 'oslo_db.sqlalchemy.exc_filters'

#: Maximum time to open a connection, and to wait for a reply.
_CONNECT_TIMEOUT_S, _READ_TIMEOUT_S = '10', '60'
#: Execution option of engines that undo all changes.
_DRY_RUN = 'energy_meter_dry_run'
_TIMEOUTS = {
    'psycopg': {
        'connect_timeout': _CONNECT_TIMEOUT_S,
        'tcp_user_timeout': f'{_READ_TIMEOUT_S}000',
        'options': f'-c statement_timeout={_READ_TIMEOUT_S}000',
    },
    'pymysql': {
        'connect_timeout': _CONNECT_TIMEOUT_S,
        'read_timeout': _READ_TIMEOUT_S,
        'write_timeout': _READ_TIMEOUT_S,
    },
}


def connect(conf: cfg.ConfigOpts) -> sa.Engine:
    """Return an engine for ``[database] connection``.

    It connects at its first use, so an unavailable database is not an error
    here.

    :raises ConfigurationError: if the URL is invalid, or the library for this
        database is not installed.
    """
    # Services log errors in one line, and the API those of requests. oslo.db
    # would log a traceback as well, with each attempt.
    logging.getLogger(_ERROR_LOGGER).setLevel(logging.ERROR)
    try:
        engine = _engine(conf)
    except (cfg.Error, ValueError, ImportError, sa.exc.ArgumentError) as error:
        # Not even parts of the URL may be logged: it contains a password.
        raise exception.ConfigurationError(
            file='configuration',
            section='database',
            option='connection',
            reason=f'invalid URL ({_kind(error)}), expected for example '
            'mysql+pymysql://USER:PASSWORD@HOST/energy_meter?charset=utf8mb4; '
            'write $ as $$, and @ in the password as %40',
        ) from None
    if engine.dialect.name == 'sqlite':
        sa.event.listen(engine, 'connect', _prepare_sqlite)
        return engine
    # Each transaction first locks its rows, in sorted order. The default of
    # MariaDB, REPEATABLE READ, would lock the gaps between them as well.
    return engine.execution_options(isolation_level='READ COMMITTED')


@contextlib.contextmanager
def writing(
    engine: sa.Engine,
) -> collections.abc.Iterator[sa.Connection]:
    """Return a context with a transaction that writes.

    A transaction of SQLite that first reads, and then writes, fails if
    another one commits between, so this one begins with a write.
    """
    with engine.begin() as connection:
        if engine.dialect.name == 'sqlite':
            connection.execute(sa.text('UPDATE probe SET id = id WHERE 0'))
        yield connection
        if is_dry_run(engine):
            connection.rollback()


def dry_run(engine: sa.Engine) -> sa.Engine:
    """Return an engine on which :func:`writing` undoes each transaction.

    Until then the transaction holds the locks of the real one.
    """
    return engine.execution_options(**{_DRY_RUN: True})


def is_dry_run(engine: sa.Engine) -> bool:
    """Return whether :func:`dry_run` made the engine."""
    return _DRY_RUN in engine.get_execution_options()


@contextlib.contextmanager
def snapshot(
    engine: sa.Engine,
) -> collections.abc.Iterator[sa.Connection]:
    """Return a connection whose queries all see the same state."""
    with engine.connect() as connection:
        if connection.dialect.name == 'sqlite':
            # Its driver begins a transaction for writing only.
            connection.exec_driver_sql('SAVEPOINT snapshot')
        else:
            connection.execution_options(isolation_level='REPEATABLE READ')
        yield connection


def _engine(conf: cfg.ConfigOpts) -> sa.Engine:
    context = enginefacade.transaction_context()
    # The options of [database] that oslo.db's connection pool uses.
    options = {
        name: conf.database[name]
        for name in (
            'connection',
            'connection_recycle_time',
            'max_pool_size',
            'max_overflow',
            'pool_timeout',
            'mysql_sql_mode',
            'connection_debug',
        )
    }
    if not options['connection']:
        raise exception.ConfigurationError(
            file='configuration',
            section='database',
            option='connection',
            reason='not set, expected the URL of the database',
        )
    options['connection'] = _with_timeouts(options['connection'])
    context.configure(sqlite_fk=True, max_retries=0, **options)
    engine: sa.Engine = context.writer.get_engine()
    return engine


def _with_timeouts(url: str) -> str:
    """Add timeouts to a URL; those in the URL take precedence."""
    parts = sa.make_url(url)
    if '@' in (parts.host or ''):
        # A part of the password, which the driver would log as the host.
        raise ValueError('@')
    defaults = _TIMEOUTS.get(parts.get_driver_name(), {})
    query = {**defaults, **parts.query}
    return parts.set(query=query).render_as_string(hide_password=False)


def explain(error: BaseException) -> str:
    """Return a database error in one line, without statement and values."""
    cause = getattr(error, 'inner_exception', None) or error
    message = str(getattr(cause, 'orig', None) or '').partition('\n')[0]
    name = type(error).__name__
    return f'{name}: {message}' if message else name


def _kind(error: Exception) -> str:
    """Return the kind of an error in a URL, without any part of the URL."""
    return (
        str(error) if isinstance(error, ImportError) else type(error).__name__
    )


def _prepare_sqlite(connection: typing.Any, _record: object) -> None:
    cursor = connection.cursor()
    # Readers and the writer don't block each other.
    cursor.execute('PRAGMA journal_mode = WAL')
    # A committed batch is acknowledged to the bus, so it must survive a power
    # failure.
    cursor.execute('PRAGMA synchronous = FULL')
    cursor.execute('PRAGMA busy_timeout = 30000')
    cursor.close()


class clock(functions.GenericFunction[int]):
    """The database's clock, in ms since the epoch."""

    type = sa.BigInteger()
    name = 'clock'
    inherit_cache = True


def now(connection: sa.Connection) -> int:
    """Return the database's clock, in ms since the epoch."""
    db_now: int | None = connection.scalar(sa.select(clock()))
    assert db_now is not None, 'the expression is never NULL'
    return db_now


@compiler.compiles(clock, 'sqlite')
def _clock_sqlite(*_: object, **__: object) -> str:
    return "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)"


@compiler.compiles(clock, 'postgresql')
def _clock_postgresql(*_: object, **__: object) -> str:
    return 'CAST(extract(epoch from clock_timestamp()) * 1000 AS bigint)'


@compiler.compiles(clock, 'mysql')
@compiler.compiles(clock, 'mariadb')
def _clock_mysql(*_: object, **__: object) -> str:
    return 'CAST(UNIX_TIMESTAMP(SYSDATE(6)) * 1000 AS INTEGER)'
