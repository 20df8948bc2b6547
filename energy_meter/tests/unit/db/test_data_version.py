# SPDX-License-Identifier: Apache-2.0

"""Tests for the version of all data in SQLite."""

import fixtures
from oslotest import base
import sqlalchemy as sa

from energy_meter.db import data_version
from energy_meter.db import schema
from energy_meter.tests import rows


class DataVersionTest(base.BaseTestCase):
    def setUp(self) -> None:
        super().setUp()
        url = f'sqlite:///{self.useFixture(fixtures.TempDir()).path}/db'
        self.writer, self.reader = (sa.create_engine(url) for _ in range(2))
        self.addCleanup(self.writer.dispose)
        self.addCleanup(self.reader.dispose)
        schema.metadata.create_all(self.writer)

    def test_unchanged_data_has_the_same_name(self) -> None:
        with self.reader.connect() as connection:
            first, second = (
                data_version.read(connection).name for _ in range(2)
            )

        self.assertIsNotNone(first)
        self.assertEqual(first, second)

    def test_name_outlives_the_return_of_a_connection_to_its_pool(
        self,
    ) -> None:
        names = set()
        for _ in range(2):
            with self.reader.connect() as connection:
                names.add(data_version.read(connection).name)

        self.assertEqual(1, len(names))

    def test_commit_changes_the_name(self) -> None:
        with self.reader.connect() as connection:
            before = data_version.read(connection).name
            with self.writer.connect() as other:
                rows.insert_probe(other, 'a')
                waiting = data_version.read(connection).name
                other.commit()

            self.assertEqual(before, waiting)
            self.assertNotEqual(before, data_version.read(connection).name)

    def test_connections_have_different_names(self) -> None:
        with self.reader.connect() as one, self.reader.connect() as other:
            self.assertNotEqual(
                data_version.read(one).name, data_version.read(other).name
            )

    def test_time_is_that_of_the_database(self) -> None:
        before = rows.now()
        with self.reader.connect() as connection:
            db_now = data_version.read(connection).db_now

        self.assertTrue(before - 1 <= db_now <= rows.now() + 1)
