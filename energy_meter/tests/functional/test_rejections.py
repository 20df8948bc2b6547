# SPDX-License-Identifier: Apache-2.0

"""Services that cannot start report why, in one line, without secrets."""

import fixtures
from oslotest import base as test_base

from energy_meter.tests.functional.services import base
from energy_meter.tests.functional.services import commands

#: Services that require the database.
SERVICES = ('energy-meter-api', 'energy-meter-collector')


class DatabaseTest(test_base.BaseTestCase):
    def errors(self, **options: object) -> list[str]:
        """Return the errors of the services with options of [database]."""
        configuration = commands.Configuration(
            self.useFixture(fixtures.TempDir(base.TEMPORARY)).path,
            DEFAULT={'transport_url': 'fake://'},
            database=options,
        )
        return [configuration.refusal(name) for name in SERVICES]

    def test_missing_url_is_reported(self):
        for line in self.errors():
            self.assertIn('[database] connection: ', line)

    def test_invalid_url_is_reported_without_the_password(self):
        for url in (
            'nonsense hunter2',
            'foo://user:hunter2@host/name',
            'postgresql+psycopg://user:hunter2@host:port/name',
            'mysql+pymysql://user:a$hunter2@host/name',
        ):
            for line in self.errors(connection=url):
                self.assertIn('[database] connection: ', line)
                self.assertNotIn('hunter2', line)

    def test_database_without_tables_is_reported(self):
        file = self.useFixture(fixtures.TempDir(base.TEMPORARY)).join('db')
        for line in self.errors(connection=f'sqlite:///{file}'):
            self.assertIn('run energy-meter-manage db sync', line)
