# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License. You may obtain
# a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
# WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
# License for the specific language governing permissions and limitations
# under the License.

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
