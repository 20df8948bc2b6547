# SPDX-License-Identifier: Apache-2.0

"""Version of all data: whether anything has changed, in one query.

Writers need not cooperate, because the database itself knows which
transactions were committed.
"""

import typing
import uuid

import sqlalchemy as sa

from energy_meter.db import documents
from energy_meter.db import engine as db_engine

#: Key of the information about a connection.
_NAME = 'energy_meter.connection'

_QUERIES: dict[str, typing.Any] = {
    # Which transactions are visible. On a standby the snapshot does not list
    # those in progress. After a failover their numbers can be those of other
    # transactions, but the server was started at another time.
    'postgresql': sa.select(
        sa.literal_column(
            'CASE WHEN NOT pg_is_in_recovery() '
            'THEN pg_current_snapshot()::text END'
        ),
        sa.literal_column('pg_postmaster_start_time()::text'),
        db_engine.clock(),
    ),
    # Number of commits that a connection has seen of all others.
    'sqlite': sa.select(
        sa.literal_column('data_version'),
        sa.null(),
        db_engine.clock(),
    ).select_from(sa.text('pragma_data_version()')),
    'mysql': sa.select(sa.null(), sa.null(), db_engine.clock()),
}


class DataVersion(typing.NamedTuple):
    """State of the whole database.

    :ivar name: if it is the same, the content is. None if the database has no
        such name.
    :ivar db_now: when it was read, on the database's clock in ms.
    """

    name: tuple[object, ...] | None
    db_now: int


def read(connection: sa.Connection) -> DataVersion:
    """Return the version of the data.

    The next statement sees this one or a later one, unless the connection is
    one of :func:`energy_meter.db.engine.snapshot`.

    :param connection: of an engine that does not write.
    """
    family = documents.family(connection)
    state, server, db_now = connection.execute(_QUERIES[family]).one()
    if family == 'sqlite':
        # The number is that of the connection, which has no name.
        server = connection.info.setdefault(_NAME, uuid.uuid4())
    return DataVersion(None if state is None else (state, server), db_now)
