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
