# SPDX-License-Identifier: Apache-2.0

"""Agents that operators excluded."""

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import mysql
from sqlalchemy.dialects import postgresql

revision = '0003'
down_revision = '0002'


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
    op.create_table(
        'exclusion',
        sa.Column('agent', identifier(36), primary_key=True),
        sa.Column('agent_name', identifier(190)),
        sa.Column(
            'at',
            sa.Double().with_variant(
                mysql.DOUBLE(asdecimal=False), 'mysql', 'mariadb'
            ),
            nullable=False,
        ),
    )
