# SPDX-License-Identifier: Apache-2.0

"""Services that can't start say why, in one line and without secrets."""

import fixtures
from oslotest import base as test_base

from energy_meter.tests.functional.services import base
from energy_meter.tests.functional.services import commands

#: Those that need the database.
SERVICES = ('energy-meter-api', 'energy-meter-collector')


class DatabaseTest(test_base.BaseTestCase):
    def refusals(self, **options: object) -> list[str]:
        """Give what the services say of options of [database]."""
        configuration = commands.Configuration(
            self.useFixture(fixtures.TempDir(base.TEMPORARY)).path,
            DEFAULT={'transport_url': 'fake://'},
            database=options,
        )
        return [configuration.refusal(name) for name in SERVICES]

    def test_missing_url(self):
        for line in self.refusals():
            self.assertIn('[database] connection: ', line)

    def test_urls_that_make_no_sense_do_not_tell_the_password(self):
        for url in (
            'nonsense hunter2',
            'foo://user:hunter2@host/name',
            'postgresql+psycopg://user:hunter2@host:port/name',
            'mysql+pymysql://user:a$hunter2@host/name',
        ):
            for line in self.refusals(connection=url):
                self.assertIn('[database] connection: ', line)
                self.assertNotIn('hunter2', line)

    def test_database_without_a_schema(self):
        file = self.useFixture(fixtures.TempDir(base.TEMPORARY)).join('db')
        for line in self.refusals(connection=f'sqlite:///{file}'):
            self.assertIn('run energy-meter-manage db sync', line)
