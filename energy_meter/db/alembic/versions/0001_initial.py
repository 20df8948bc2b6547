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
    _create_probe()
    _create_registers()
    _create_sums()
    op.create_table(
        'probe_project',
        sa.Column('probe', _id(190), primary_key=True),
        sa.Column('project_id', _id(190), nullable=False),
        sa.Column('since', _DOUBLE, nullable=False),
    )
    op.create_table(
        'disabled_agent',
        sa.Column('agent', _id(36), primary_key=True),
        sa.Column('agent_name', _id(190)),
        sa.Column('created_at', _DOUBLE, nullable=False),
    )
    _create_records()


def _create_probe() -> None:
    op.create_table(
        'probe',
        sa.Column('id', _id(190), primary_key=True),
        sa.Column('wattmeter', _id(190), nullable=False),
        sa.Column('driver', _id(190), nullable=False),
        sa.Column('scope', sa.String(32), nullable=False),
        sa.Column('host', _id(190), nullable=False),
        sa.Column('agent_name', _id(190), nullable=False),
        sa.Column('timestamp', _DOUBLE, nullable=False),
        sa.Column('watts', _DOUBLE),
        sa.Column('volts', _DOUBLE),
        sa.Column('amperes', _DOUBLE),
        sa.Column('last_seen_at', _DOUBLE, nullable=False, index=True),
        sa.Column('millijoules', sa.BigInteger, nullable=False),
        sa.Column('elapsed', _DOUBLE, nullable=False),
        sa.Column('metered_seconds', _DOUBLE, nullable=False),
        sa.Column('owner_agent', _id(36), nullable=False),
        sa.Column('owner_register', _id(16), nullable=False),
        sa.Column('owner_incarnation', sa.BigInteger, nullable=False),
        sa.Column('owner_opened_at', _DOUBLE, nullable=False),
        sa.Column('owner_billed_from', _DOUBLE, nullable=False),
        sa.Column('owner_overlap', sa.BigInteger, nullable=False),
        sa.Column('owner_millijoules', sa.BigInteger, nullable=False),
        sa.Column('owner_metered_seconds', _DOUBLE, nullable=False),
        sa.Column('owner_elapsed', _DOUBLE, nullable=False),
    )


def _create_registers() -> None:
    op.create_table(
        'register',
        sa.Column('probe', _id(190), primary_key=True),
        sa.Column('agent', _id(36), primary_key=True),
        sa.Column('register', _id(16), primary_key=True),
        sa.Column('incarnation', sa.BigInteger, nullable=False),
        sa.Column('opened_at', _DOUBLE, nullable=False),
        sa.Column('elapsed', _DOUBLE, nullable=False),
        sa.Column('metered_seconds', _DOUBLE, nullable=False),
        sa.Column('millijoules', sa.BigInteger, nullable=False),
        sa.Column('overlap', sa.BigInteger, nullable=False),
        sa.Column('pending', sa.BigInteger, nullable=False),
        sa.Column('pending_mark', _DOUBLE, nullable=False),
        sa.Column('billed_from', _DOUBLE),
        sa.Column('last_seen_at', _DOUBLE, nullable=False, index=True),
        sa.Column('voided', sa.Boolean, nullable=False),
    )
    op.create_table(
        'floor',
        sa.Column('probe', _id(190), primary_key=True),
        sa.Column('agent', _id(36), primary_key=True),
        sa.Column('incarnation', sa.BigInteger, nullable=False),
    )


def _create_sums() -> None:
    op.create_table(
        'sum_probe',
        sa.Column('id', _id(190), primary_key=True),
        sa.Column('host', _id(190), nullable=False),
    )
    op.create_table(
        'sum_part',
        sa.Column('sum', _id(190), primary_key=True),
        sa.Column('part', _id(190), primary_key=True),
        sa.Column('active', sa.Boolean, nullable=False),
        sa.Column('joined_millijoules', sa.BigInteger, nullable=False),
        sa.Column('settled', sa.BigInteger, nullable=False),
    )


def _create_records() -> None:
    op.create_table(
        'rejection',
        sa.Column('reason', sa.String(64), primary_key=True),
        sa.Column('count', sa.BigInteger, nullable=False),
        sa.Column('last_seen_at', _DOUBLE, nullable=False),
    )
    op.create_table(
        'audit',
        sa.Column('id', _SERIAL, primary_key=True),
        sa.Column('created_at', _DOUBLE, nullable=False),
        sa.Column('username', sa.String(190), nullable=False),
        sa.Column('action', sa.Text, nullable=False),
    )
    op.create_table(
        'quarantine',
        sa.Column('id', _SERIAL, primary_key=True),
        sa.Column('created_at', _DOUBLE, nullable=False),
        sa.Column('reason', sa.Text, nullable=False),
        sa.Column('measurement', sa.Text, nullable=False),
    )
