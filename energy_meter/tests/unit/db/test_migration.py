# SPDX-License-Identifier: Apache-2.0


"""The schema, as its revisions make it."""

import pathlib

import alembic.autogenerate
import alembic.migration
import fixtures
from oslotest import base
import sqlalchemy as sa

from energy_meter import exception
from energy_meter.db import migration
from energy_meter.db import schema


class MigrationTest(base.BaseTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.directory = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        self.engine = self.connect(self.directory)

    def connect(self, directory: pathlib.Path) -> sa.Engine:
        engine = sa.create_engine(f'sqlite:///{directory}/db.sqlite')
        self.addCleanup(engine.dispose)
        return engine

    def test_revisions_make_the_tables_that_the_code_knows(self):
        migration.sync(self.engine)
        with self.engine.connect() as connection:
            context = alembic.migration.MigrationContext.configure(
                connection, opts={'compare_type': True}
            )
            self.assertEqual(
                [],
                alembic.autogenerate.compare_metadata(
                    context, schema.metadata
                ),
            )

    def test_database_without_a_revision_is_refused_until_synced(self):
        self.assertIsNone(migration.version(self.engine))
        error = self.assertRaises(
            exception.WrongRevision, migration.check, self.engine
        )
        self.assertIn(migration.head(), str(error))
        migration.sync(self.engine)
        migration.check(self.engine)
        self.assertEqual(migration.head(), migration.version(self.engine))

    def test_database_of_a_later_release_is_refused(self):
        migration.sync(self.engine)
        with self.engine.begin() as connection:
            connection.execute(
                sa.text("UPDATE alembic_version SET version_num = '9999'")
            )
        error = self.assertRaises(
            exception.WrongRevision, migration.check, self.engine
        )
        self.assertIn('9999', str(error))

    def test_syncing_again_changes_and_loses_nothing(self):
        migration.sync(self.engine)
        with self.engine.begin() as connection:
            connection.execute(
                schema.floor.insert().values(
                    probe='p', agent='a', incarnation=1
                )
            )
        migration.sync(self.engine)
        with self.engine.connect() as connection:
            self.assertEqual(
                [('p', 'a', 1)],
                [
                    tuple(row)
                    for row in connection.execute(sa.select(schema.floor))
                ],
            )

    def test_database_that_is_away_is_not_refused(self):
        migration.check(self.connect(self.directory / 'missing'))
