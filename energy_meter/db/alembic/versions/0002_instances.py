# SPDX-License-Identifier: Apache-2.0

"""CPU time of instances, and the energy attributed to them."""

import typing

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import mysql
from sqlalchemy.dialects import postgresql

revision = '0002'
down_revision = '0001'

_DOUBLE: sa.types.TypeEngine[float] = sa.Double().with_variant(
    mysql.DOUBLE(asdecimal=False), 'mysql', 'mariadb'
)
# Names in some scripts make a layout longer than MariaDB's BLOB.
_LONG_BINARY: sa.types.TypeEngine[bytes] = sa.LargeBinary().with_variant(
    mysql.MEDIUMBLOB(), 'mysql', 'mariadb'
)


def _id(length: int) -> sa.types.TypeEngine[str]:
    nopad = mysql.VARCHAR(
        length, charset='utf8mb4', collation='utf8mb4_nopad_bin'
    )
    return (
        sa.String(length)
        .with_variant(postgresql.VARCHAR(length, collation='C'), 'postgresql')
        .with_variant(nopad, 'mysql', 'mariadb')
    )


def upgrade() -> None:
    """Make known probes measure energy, and create the new tables.

    Changes of sums and projects are numbered from now on.
    """
    op.add_column(
        'membership',
        sa.Column(
            'changed',
            sa.BigInteger,
            nullable=False,
            server_default=sa.text('0'),
        ),
    )
    op.add_column(
        'probe',
        sa.Column(
            'quantity',
            sa.SmallInteger,
            nullable=False,
            server_default=sa.text('0'),
        ),
    )
    _create_usage()
    _create_attributed_days()


def _create_usage() -> None:
    op.create_table(
        'usage_mark',
        sa.Column(
            'register', sa.BigInteger, primary_key=True, autoincrement=False
        ),
        sa.Column(
            'elapsed', sa.BigInteger, primary_key=True, autoincrement=False
        ),
        sa.Column('layout', sa.BigInteger, nullable=False),
        sa.Column('packed', sa.LargeBinary, nullable=False),
    )
    op.create_table(
        'usage_latest',
        sa.Column(
            'register', sa.BigInteger, primary_key=True, autoincrement=False
        ),
        sa.Column('elapsed', sa.BigInteger, nullable=False),
        sa.Column('layout', sa.BigInteger, nullable=False),
        sa.Column('packed', sa.LargeBinary, nullable=False),
    )
    op.create_table(
        'usage_layout',
        sa.Column('id', sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column('packed', _LONG_BINARY, nullable=False),
    )


def _create_attributed_days() -> None:
    op.create_table(
        'due_attribution',
        sa.Column('probe', _id(190), primary_key=True),
        sa.Column('day', sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column('closed_at', sa.BigInteger, nullable=False),
    )
    op.create_table(
        'attributed_day',
        *_host_day(),
        sa.Column('closed_at', sa.BigInteger, nullable=False),
        sa.Column('inputs', sa.Text, nullable=False),
        sa.Column('scope', sa.String(190), nullable=False),
        sa.Column('method', sa.String(190), nullable=False),
        sa.Column('method_version', sa.Integer, nullable=False),
        sa.Column('threads', sa.Integer, nullable=False),
        sa.Column('memory', sa.BigInteger, nullable=False),
        sa.Column('idle_watts', _DOUBLE, nullable=False),
        sa.Column('idle_source', sa.String(32), nullable=False),
        sa.Column('packed', sa.LargeBinary, nullable=False),
    )
    op.create_table(
        'instance_day',
        *_host_day(),
        sa.Column('instance', _id(36), primary_key=True),
        sa.Column('name', _id(190), nullable=False),
        sa.Column('project', _id(190), nullable=False),
        sa.Column('project_name', _id(64), nullable=False),
        sa.Column('user', _id(190), nullable=False),
        sa.Column('idle', sa.BigInteger, nullable=False),
        sa.Column('dynamic', sa.BigInteger, nullable=False),
        sa.Column('uncertain', sa.BigInteger, nullable=False),
        sa.Column('metered', sa.BigInteger, nullable=False),
        sa.Column('present', sa.BigInteger, nullable=False),
        sa.Column('device', sa.BigInteger, nullable=False),
        sa.Column('packed', sa.LargeBinary, nullable=False),
        sa.Index('ix_instance_day_instance', 'instance', 'day'),
        sa.Index('ix_instance_day_project', 'project', 'day'),
    )


def _host_day() -> list[sa.Column[typing.Any]]:
    """Return the columns that name a version of a day of a host."""
    return [
        sa.Column('day', sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column('host', _id(190), primary_key=True),
        sa.Column(
            'version', sa.Integer, primary_key=True, autoincrement=False
        ),
    ]
