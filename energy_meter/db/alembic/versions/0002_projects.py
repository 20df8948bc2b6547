# SPDX-License-Identifier: Apache-2.0

"""The projects that pay for probes."""

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import mysql
from sqlalchemy.dialects import postgresql

revision = '0002'
down_revision = '0001'

DOUBLE: sa.types.TypeEngine[float] = sa.Double().with_variant(
    mysql.DOUBLE(asdecimal=False), 'mysql', 'mariadb'
)
IDENTIFIER = (
    sa.String(190)
    .with_variant(postgresql.VARCHAR(190, collation='C'), 'postgresql')
    .with_variant(
        mysql.VARCHAR(190, charset='utf8mb4', collation='utf8mb4_nopad_bin'),
        'mysql',
        'mariadb',
    )
)


def upgrade() -> None:
    op.create_table(
        'probe_project',
        sa.Column('probe', IDENTIFIER, primary_key=True),
        sa.Column('project_id', IDENTIFIER, nullable=False),
        sa.Column('since', DOUBLE, nullable=False),
    )
