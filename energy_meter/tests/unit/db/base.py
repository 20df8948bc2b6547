# SPDX-License-Identifier: Apache-2.0

"""Base class of tests with a database."""

from oslotest import base
import sqlalchemy as sa

from energy_meter.db import engine as db_engine
from energy_meter.db import schema


class DatabaseTest(base.BaseTestCase):
    """Test with an empty SQLite database in memory.

    The functional tests run some of these tests on other databases.

    :ivar engine: engine of the database.
    :ivar now: the database's clock at the start of the test.
    """

    def setUp(self) -> None:
        super().setUp()
        self.engine = self.connect()
        self.addCleanup(self.engine.dispose)
        schema.metadata.create_all(self.engine)
        with self.engine.connect() as connection:
            self.now = db_engine.now(connection)

    def connect(self) -> sa.Engine:
        """Return an engine of an empty database."""
        return sa.create_engine('sqlite://')
