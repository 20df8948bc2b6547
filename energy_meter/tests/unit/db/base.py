# SPDX-License-Identifier: Apache-2.0

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
