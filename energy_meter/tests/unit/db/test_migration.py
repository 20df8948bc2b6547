# SPDX-License-Identifier: Apache-2.0

"""Revisions of the database schema."""

import pathlib

import alembic.autogenerate
import alembic.config
import alembic.migration
import alembic.script
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
        directory.mkdir(exist_ok=True)
        engine = sa.create_engine(f'sqlite:///{directory}/db.sqlite')
        self.addCleanup(engine.dispose)
        return engine

    def test_revisions_create_the_tables_of_the_code(self):
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

    def test_names_of_files_are_the_revisions_of_alembic(self):
        directory = pathlib.Path(migration.__file__).with_name('alembic')
        config = alembic.config.Config()
        config.set_main_option('script_location', str(directory))

        scripts = alembic.script.ScriptDirectory.from_config(config)

        self.assertEqual(scripts.get_current_head(), migration.head())
        for script in scripts.walk_revisions():
            name = pathlib.Path(script.path).name
            self.assertTrue(name.startswith(f'{script.revision}_'), name)

    def test_database_without_a_revision_is_rejected_until_synced(self):
        self.assertIsNone(migration.version(self.engine))
        error = self.assertRaises(
            exception.SchemaOutOfDate, migration.check, self.engine
        )
        self.assertIn(migration.head(), str(error))
        migration.sync(self.engine)
        migration.check(self.engine)
        self.assertEqual(migration.head(), migration.version(self.engine))

    def test_database_of_a_newer_release_is_rejected(self):
        migration.sync(self.engine)
        with self.engine.begin() as connection:
            connection.execute(
                sa.text("UPDATE alembic_version SET version_num = '9999'")
            )

        for use in (migration.check, migration.sync):
            error = self.assertRaises(exception.SchemaTooNew, use, self.engine)

            self.assertIn('9999', str(error))
            self.assertIn('backup taken before the upgrade', str(error))
        self.assertEqual('9999', migration.version(self.engine))

    def test_syncing_again_changes_nothing(self):
        migration.sync(self.engine)
        with self.engine.begin() as connection:
            connection.execute(
                schema.sum_probe.insert().values(id='s', host='h')
            )
        migration.sync(self.engine)
        with self.engine.connect() as connection:
            self.assertEqual(
                [('s', 'h')],
                [
                    tuple(row)
                    for row in connection.execute(sa.select(schema.sum_probe))
                ],
            )

    def test_probes_of_the_first_revision_measure_energy(self):
        migration.sync(self.engine, '0001')
        columns = sa.MetaData()
        columns.reflect(self.engine, only=['probe'])
        probe = columns.tables['probe']
        required = {
            column.name: 0
            for column in probe.columns
            if not (column.nullable or column.server_default)
        }
        with self.engine.begin() as connection:
            connection.execute(probe.insert().values({**required, 'id': 'a'}))

        migration.sync(self.engine)

        with self.engine.connect() as connection:
            quantity = connection.scalar(sa.select(schema.probe.c.quantity))
        self.assertEqual(schema.Quantity.ENERGY, quantity)

    def test_unavailable_database_is_not_rejected(self):
        engine = self.connect(self.directory / 'missing')
        (self.directory / 'missing').rmdir()

        migration.check(engine)
