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

"""An empty database."""

from oslotest import base
import sqlalchemy as sa

from energy_meter.db import engine as db_engine
from energy_meter.db import schema


class DatabaseTest(base.BaseTestCase):
    """Has tables, in SQLite.

    :ivar engine: opens the database.
    :ivar now: its clock as the test began.
    """

    def setUp(self) -> None:
        super().setUp()
        self.engine = sa.create_engine('sqlite://')
        self.addCleanup(self.engine.dispose)
        schema.metadata.create_all(self.engine)
        with self.engine.connect() as connection:
            self.now = db_engine.now(connection)
