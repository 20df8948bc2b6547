# SPDX-License-Identifier: Apache-2.0

"""What collectors refused."""

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import mysql

revision = '0004'
down_revision = '0003'


def upgrade() -> None:
    op.create_table(
        'refusal',
        sa.Column('what', sa.String(64), primary_key=True),
        sa.Column('number', sa.BigInteger, nullable=False),
        sa.Column(
            'at',
            sa.Double().with_variant(
                mysql.DOUBLE(asdecimal=False), 'mysql', 'mariadb'
            ),
            nullable=False,
        ),
    )
