# SPDX-License-Identifier: Apache-2.0

"""Probes, their registers, and what operators did."""

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import mysql
from sqlalchemy.dialects import postgresql

revision = '0001'
down_revision = None

DOUBLE: sa.types.TypeEngine[float] = sa.Double().with_variant(
    mysql.DOUBLE(asdecimal=False), 'mysql', 'mariadb'
)
SERIAL = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def identifier(length: int) -> sa.types.TypeEngine[str]:
    return (
        sa.String(length)
        .with_variant(postgresql.VARCHAR(length, collation='C'), 'postgresql')
        .with_variant(
            mysql.VARCHAR(
                length, charset='utf8mb4', collation='utf8mb4_nopad_bin'
            ),
            'mysql',
            'mariadb',
        )
    )


def upgrade() -> None:
    create_probe()
    create_register()
    create_sums()
    op.create_table(
        'floor',
        sa.Column('probe', identifier(190), primary_key=True),
        sa.Column('agent', identifier(36), primary_key=True),
        sa.Column('incarnation', sa.BigInteger, nullable=False),
    )
    op.create_table(
        'audit',
        sa.Column('id', SERIAL, primary_key=True),
        sa.Column('at', DOUBLE, nullable=False),
        sa.Column('who', sa.String(190), nullable=False),
        sa.Column('what', sa.Text, nullable=False),
    )
    op.create_table(
        'quarantine',
        sa.Column('id', SERIAL, primary_key=True),
        sa.Column('at', DOUBLE, nullable=False),
        sa.Column('reason', sa.Text, nullable=False),
        sa.Column('measurement', sa.Text, nullable=False),
    )


def create_probe() -> None:
    op.create_table(
        'probe',
        sa.Column('id', identifier(190), primary_key=True),
        sa.Column('wattmeter', identifier(190), nullable=False),
        sa.Column('driver', identifier(190), nullable=False),
        sa.Column('scope', sa.String(32), nullable=False),
        sa.Column('host', identifier(190), nullable=False),
        sa.Column('agent_name', identifier(190), nullable=False),
        sa.Column('time', DOUBLE, nullable=False),
        sa.Column('watts', DOUBLE),
        sa.Column('volts', DOUBLE),
        sa.Column('amperes', DOUBLE),
        sa.Column('heard_at', DOUBLE, nullable=False, index=True),
        sa.Column('millijoules', sa.BigInteger, nullable=False),
        sa.Column('elapsed', DOUBLE, nullable=False),
        sa.Column('metered', DOUBLE, nullable=False),
        sa.Column('owner_agent', identifier(36), nullable=False),
        sa.Column('owner_register', identifier(16), nullable=False),
        sa.Column('owner_incarnation', sa.BigInteger, nullable=False),
        sa.Column('owner_began', DOUBLE, nullable=False),
        sa.Column('owner_billed_from', DOUBLE, nullable=False),
        sa.Column('owner_overlap', sa.BigInteger, nullable=False),
        sa.Column('owner_millijoules', sa.BigInteger, nullable=False),
        sa.Column('owner_metered', DOUBLE, nullable=False),
        sa.Column('owner_elapsed', DOUBLE, nullable=False),
    )


def create_register() -> None:
    op.create_table(
        'register',
        sa.Column('probe', identifier(190), primary_key=True),
        sa.Column('agent', identifier(36), primary_key=True),
        sa.Column('register', identifier(16), primary_key=True),
        sa.Column('incarnation', sa.BigInteger, nullable=False),
        sa.Column('began', DOUBLE, nullable=False),
        sa.Column('elapsed', DOUBLE, nullable=False),
        sa.Column('metered', DOUBLE, nullable=False),
        sa.Column('millijoules', sa.BigInteger, nullable=False),
        sa.Column('overlap', sa.BigInteger, nullable=False),
        sa.Column('pending', sa.BigInteger, nullable=False),
        sa.Column('pending_mark', DOUBLE, nullable=False),
        sa.Column('billed_from', DOUBLE),
        sa.Column('heard_at', DOUBLE, nullable=False, index=True),
        sa.Column('voided', sa.Boolean, nullable=False),
    )


def create_sums() -> None:
    op.create_table(
        'sum_probe',
        sa.Column('id', identifier(190), primary_key=True),
        sa.Column('host', identifier(190), nullable=False),
    )
    op.create_table(
        'sum_part',
        sa.Column('sum', identifier(190), primary_key=True),
        sa.Column('part', identifier(190), primary_key=True),
        sa.Column('active', sa.Boolean, nullable=False),
        sa.Column('joined_at', sa.BigInteger, nullable=False),
        sa.Column('settled', sa.BigInteger, nullable=False),
    )
