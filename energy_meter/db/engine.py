# SPDX-License-Identifier: Apache-2.0

"""Connections to the database, and its clock."""

import typing

from oslo_config import cfg
from oslo_db.sqlalchemy import enginefacade
import sqlalchemy as sa
from sqlalchemy.ext import compiler
from sqlalchemy.sql import functions

from energy_meter import exception

#: Longest time, in seconds, that a server may take to accept a connection, and
#: that it may be silent in the middle of one.
_CONNECT, _SILENCE = '10', '60'
_TIMEOUTS = {
    'psycopg': {
        'connect_timeout': _CONNECT,
        'tcp_user_timeout': f'{_SILENCE}000',
        'options': f'-c statement_timeout={_SILENCE}000',
    },
    'pymysql': {
        'connect_timeout': _CONNECT,
        'read_timeout': _SILENCE,
        'write_timeout': _SILENCE,
    },
}


def connect(conf: cfg.ConfigOpts) -> sa.Engine:
    """Give an engine for ``[database] connection``.

    Nothing is connected yet: a database that is away shows at first use.

    :raises ConfigurationError: when the URL makes no sense, or the library
        for its kind of database is not installed.
    """
    try:
        engine = _engine(conf)
    except (cfg.Error, ValueError, ImportError, sa.exc.ArgumentError) as error:
        # The URL holds a password: not even its parts may be shown.
        raise exception.ConfigurationError(
            file='configuration',
            section='database',
            option='connection',
            reason=f'no database can be reached by this URL ({_kind(error)}):'
            ' expected one such as mysql+pymysql://USER:PASSWORD@HOST/'
            'energy_meter?charset=utf8mb4; note that a $ is written '
            '$$, and an @ in the password %40',
        ) from None
    if engine.dialect.name == 'sqlite':
        sa.event.listen(engine, 'connect', _prepare_sqlite)
        return engine
    # Every write begins by locking the rows that it is about, in order; on
    # top of that MariaDB's default would lock the gaps between them.
    return engine.execution_options(isolation_level='READ COMMITTED')


def _engine(conf: cfg.ConfigOpts) -> sa.Engine:
    context = enginefacade.transaction_context()
    # The rest of [database] is oslo.db's: pool sizes, retries, time-outs.
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
            reason='not set; expected the URL of the database',
        )
    options['connection'] = _with_timeouts(options['connection'])
    context.configure(sqlite_fk=True, max_retries=0, **options)
    engine: sa.Engine = context.writer.get_engine()
    return engine


def _with_timeouts(url: str) -> str:
    """Let no connection hang for ever; what the URL itself says stands."""
    parts = sa.make_url(url)
    if '@' in (parts.host or ''):
        # It is of the password, and the library would log it as the host.
        raise ValueError('@')
    given = _TIMEOUTS.get(parts.get_driver_name(), {})
    query = {**given, **parts.query}
    return parts.set(query=query).render_as_string(hide_password=False)


def explain(error: BaseException) -> str:
    """Tell in a line why a database failed, without statement and values."""
    cause = getattr(error, 'inner_exception', None) or error
    said = str(getattr(cause, 'orig', None) or '').partition('\n')[0]
    return f'{type(error).__name__}: {said}' if said else type(error).__name__


def _kind(error: Exception) -> str:
    """Tell what is wrong with a URL, but nothing of what stands in it."""
    return (
        str(error) if isinstance(error, ImportError) else type(error).__name__
    )


def _prepare_sqlite(connection: typing.Any, _record: object) -> None:
    cursor = connection.cursor()
    # Readers and the one writer don't wait for each other.
    cursor.execute('PRAGMA journal_mode = WAL')
    # What was acknowledged to the bus must outlast the machine, too.
    cursor.execute('PRAGMA synchronous = FULL')
    cursor.execute('PRAGMA busy_timeout = 30000')
    cursor.close()


class clock(functions.GenericFunction[float]):  # noqa: N801
    """The database's own clock, in seconds since the epoch."""

    type = sa.Double()
    name = 'clock'
    inherit_cache = True


def now(connection: sa.Connection) -> float:
    """Read the database's clock."""
    found = connection.scalar(sa.select(clock()))
    assert found is not None, 'a clock always shows something'
    return found


@compiler.compiles(clock, 'sqlite')
def _clock_sqlite(*_: object, **__: object) -> str:
    return "((julianday('now') - 2440587.5) * 86400.0)"


@compiler.compiles(clock, 'postgresql')
def _clock_postgresql(*_: object, **__: object) -> str:
    return 'extract(epoch from clock_timestamp())::double precision'


@compiler.compiles(clock, 'mysql')
@compiler.compiles(clock, 'mariadb')
def _clock_mysql(*_: object, **__: object) -> str:
    return 'CAST(UNIX_TIMESTAMP(SYSDATE(6)) AS DOUBLE)'
