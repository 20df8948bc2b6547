# SPDX-License-Identifier: Apache-2.0

"""Initial schema."""

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import mysql
from sqlalchemy.dialects import postgresql

revision = '0001'
down_revision = None

_DOUBLE: sa.types.TypeEngine[float] = sa.Double().with_variant(
    mysql.DOUBLE(asdecimal=False), 'mysql', 'mariadb'
)
_SERIAL = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
# A batch updates all rows of a page. PostgreSQL puts the new ones on the same
# page if it has room, and then leaves the indexes as they are.
_ROOM = {'fillfactor': 50}


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
    """Create all tables."""
    _create_probes()
    _create_registers()
    _create_curves()
    _create_days()
    _create_wholes()
    _create_records()


def _create_probes() -> None:
    op.create_table(
        'probe',
        sa.Column('id', _id(190), primary_key=True),
        sa.Column('tip', sa.BigInteger),
        sa.Column('base_millijoules', sa.BigInteger, nullable=False),
        sa.Column('base_metered', sa.BigInteger, nullable=False),
        sa.Column('base_elapsed', sa.BigInteger, nullable=False),
        sa.Column('overlap_millijoules', sa.BigInteger, nullable=False),
        sa.Column('overlap_metered', sa.BigInteger, nullable=False),
        sa.Column('overlap_elapsed', sa.BigInteger, nullable=False),
        sa.Column('shown', sa.BigInteger, nullable=False),
        sa.Column('contested', sa.Boolean, nullable=False),
        sa.Column('plural', sa.Boolean, nullable=False),
        sa.Column('displayed', sa.BigInteger),
        sa.Column('settled_at', sa.BigInteger, nullable=False),
        sa.Column('alarms', sa.String(190), nullable=False),
        sa.Column('closed_until', sa.BigInteger),
        postgresql_with=_ROOM,
    )


def _create_registers() -> None:
    op.create_table(
        'register',
        sa.Column(
            'number', sa.BigInteger, primary_key=True, autoincrement=False
        ),
        sa.Column('probe', _id(190), nullable=False, index=True),
        sa.Column('agent', _id(36), nullable=False),
        sa.Column('register', _id(16), nullable=False),
        sa.Column('after_register', _id(16)),
        sa.Column('after_elapsed', sa.BigInteger),
        sa.Column('first_elapsed', sa.BigInteger, nullable=False),
        sa.Column('first_timestamp', sa.BigInteger, nullable=False),
        sa.Column('synced', sa.Boolean, nullable=False),
        sa.Column('lag0', sa.BigInteger, nullable=False),
        sa.Column('lag1', sa.BigInteger, nullable=False),
        sa.Column('lag2', sa.BigInteger, nullable=False),
        sa.Column('lag3', sa.BigInteger, nullable=False),
        sa.Column('lag4', sa.BigInteger, nullable=False),
        sa.Column('elapsed', sa.BigInteger, nullable=False),
        sa.Column('millijoules', sa.BigInteger, nullable=False),
        sa.Column('metered', sa.BigInteger, nullable=False),
        sa.Column('wattmeter', _id(190), nullable=False),
        sa.Column('driver', _id(190), nullable=False),
        sa.Column('scope', sa.String(32), nullable=False),
        sa.Column('host', _id(190), nullable=False),
        sa.Column('agent_name', _id(190), nullable=False),
        sa.Column('live_elapsed', sa.BigInteger, nullable=False),
        sa.Column('timestamp', sa.BigInteger, nullable=False),
        sa.Column('watts', _DOUBLE),
        sa.Column('volts', _DOUBLE),
        sa.Column('amperes', _DOUBLE),
        sa.Column('last_seen_at', sa.BigInteger, nullable=False),
        sa.Column('role', sa.SmallInteger, nullable=False),
        sa.Column('dirty', sa.SmallInteger, nullable=False),
        sa.Column('settled_until', sa.BigInteger, nullable=False),
        sa.Column('opened', sa.BigInteger),
        sa.Column('base_elapsed', sa.BigInteger, nullable=False),
        sa.Column('base_millijoules', sa.BigInteger, nullable=False),
        sa.Column('base_metered', sa.BigInteger, nullable=False),
        sa.Column('pinned_opened', sa.BigInteger),
        sa.Column('voided', sa.Boolean, nullable=False),
        postgresql_with=_ROOM,
    )


def _create_curves() -> None:
    op.create_table(
        'mark',
        sa.Column(
            'slot', sa.BigInteger, primary_key=True, autoincrement=False
        ),
        sa.Column(
            'register', sa.BigInteger, primary_key=True, autoincrement=False
        ),
        sa.Column(
            'elapsed', sa.BigInteger, primary_key=True, autoincrement=False
        ),
        sa.Column('millijoules', sa.BigInteger, nullable=False),
        sa.Column('metered', sa.BigInteger, nullable=False),
    )
    op.create_table(
        'overlap',
        sa.Column('probe', _id(190), primary_key=True),
        sa.Column('cell', sa.BigInteger, primary_key=True),
        sa.Column('register', sa.BigInteger, primary_key=True),
        sa.Column('millijoules', sa.BigInteger, nullable=False),
        sa.Column('metered', sa.BigInteger, nullable=False),
        sa.Column('elapsed', sa.BigInteger, nullable=False),
    )
    op.create_table(
        'profile_day',
        sa.Column(
            'register', sa.BigInteger, primary_key=True, autoincrement=False
        ),
        sa.Column('day', sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column(
            'version', sa.Integer, primary_key=True, autoincrement=False
        ),
        sa.Column('packed', sa.LargeBinary, nullable=False),
        sa.Column('millijoules', sa.BigInteger, nullable=False),
    )


def _create_days() -> None:
    op.create_table(
        'closed_day',
        sa.Column('day', sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column('probe', _id(190), primary_key=True),
        sa.Column(
            'version', sa.Integer, primary_key=True, autoincrement=False
        ),
        sa.Column('closed_at', sa.BigInteger, nullable=False),
        sa.Column('complete', sa.Boolean, nullable=False),
        sa.Column('reason', sa.String(190), nullable=False),
        sa.Column('username', sa.String(190), nullable=False),
        sa.Column('millijoules', sa.BigInteger, nullable=False),
        sa.Column('metered', sa.BigInteger, nullable=False),
        sa.Column('uncertain_start', sa.BigInteger, nullable=False),
        sa.Column('uncertain_end', sa.BigInteger, nullable=False),
        sa.Column('clock', sa.SmallInteger, nullable=False),
        sa.Column('packed', sa.LargeBinary, nullable=False),
    )
    op.create_table(
        'changed_day',
        sa.Column('probe', _id(190), primary_key=True),
        sa.Column('day', sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column('changed_at', sa.BigInteger, nullable=False),
        sa.Column('reason', sa.String(190), nullable=False),
        sa.Column('username', sa.String(190), nullable=False),
    )


def _create_wholes() -> None:
    op.create_table(
        'sum_probe',
        sa.Column('id', _id(190), primary_key=True),
        sa.Column('host', _id(190), nullable=False),
    )
    op.create_table(
        'membership',
        sa.Column('member', _id(190), primary_key=True),
        sa.Column('kind', _id(16), primary_key=True),
        sa.Column('whole', _id(190), primary_key=True),
        sa.Column(
            'since', sa.BigInteger, primary_key=True, autoincrement=False
        ),
        sa.Column('until', sa.BigInteger),
        sa.Column('joined_shown', sa.BigInteger, nullable=False),
        sa.Column('left_shown', sa.BigInteger),
    )


def _create_records() -> None:
    op.create_table(
        'disabled_agent',
        sa.Column('agent', _id(36), primary_key=True),
        sa.Column('agent_name', _id(190)),
        sa.Column('created_at', sa.BigInteger, nullable=False),
    )
    op.create_table(
        'rejection',
        sa.Column('reason', sa.String(64), primary_key=True),
        sa.Column('agent', _id(190), primary_key=True),
        sa.Column('count', sa.BigInteger, nullable=False),
        sa.Column('last_seen_at', sa.BigInteger, nullable=False),
    )
    op.create_table(
        'audit',
        sa.Column('id', _SERIAL, primary_key=True),
        sa.Column('created_at', sa.BigInteger, nullable=False),
        sa.Column('username', sa.String(190), nullable=False),
        sa.Column('action', sa.Text, nullable=False),
    )
    op.create_table(
        'quarantine',
        sa.Column('id', _SERIAL, primary_key=True),
        sa.Column('created_at', sa.BigInteger, nullable=False),
        sa.Column('reason', sa.Text, nullable=False),
        sa.Column('measurement', sa.Text, nullable=False),
    )
