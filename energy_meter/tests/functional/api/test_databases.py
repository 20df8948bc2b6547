# SPDX-License-Identifier: Apache-2.0

"""Tests for the API on each supported database."""

import typing

import fixtures
from oslotest import base
import sqlalchemy as sa
import testscenarios

from energy_meter.db import schema
from energy_meter.tests import rows
from energy_meter.tests.functional.api import browser
from energy_meter.tests.functional.api import servers
from energy_meter.tests.functional.services import base as services
from energy_meter.tests.functional.services import commands
from energy_meter.tests.functional.services import mariadb
from energy_meter.tests.functional.services import postgresql


class DatabasesTest(testscenarios.WithScenarios, base.BaseTestCase):
    scenarios: typing.ClassVar = [
        ('mariadb', {'database': mariadb.MariaDB}),
        ('postgresql', {'database': postgresql.PostgreSQL}),
    ]

    def setUp(self):
        super().setUp()
        self.server = services.shared(self.database)
        directory = self.useFixture(fixtures.TempDir()).path
        url = self.server.create_database()
        configuration = commands.Configuration(
            directory, database={'connection': url}
        )
        configuration.run('energy-meter-manage', 'db', 'sync')
        self.engine = sa.create_engine(url, poolclass=sa.NullPool)
        self.port = self.useFixture(servers.Cheroot(configuration)).port

    def get(self, url, status=200, **headers):
        response = browser.get(self.port, url, **headers)
        self.assertEqual(status, response.status, response.body)
        return response

    def test_fresh_probes_are_returned(self):
        rows.insert(self.engine, 'b', 'A', 'a', 'a ')
        rows.insert(self.engine, 'old', last_seen_at=rows.now() - 310_000)

        self.assertEqual(
            ['A', 'a', 'a ', 'b'], self.get('/v1/probe-ids/').json['probe_ids']
        )
        self.assertEqual(
            dict.fromkeys(('A', 'a', 'a ', 'b'), rows.SHOWN),
            self.get('/v1/probes/').json['probes'],
        )
        self.assertEqual({'a ': rows.SHOWN}, self.get('/v1/probes/a%20/').json)
        self.get('/v1/probes/B/', 404)
        self.get('/v1/probes/old/', 404)

    def test_energy_of_probes_is_listed_in_order(self):
        names = ['A', 'a', 'a ', 'b']
        rows.insert(self.engine, *reversed(names))
        period = 'start=2023-11-14T21:00:00Z&end=2023-11-14T23:00:00Z'

        document = self.get(f'/v1/energy?{period}').json

        self.assertEqual(
            dict.fromkeys(names, 1.25),
            {
                each['probe_id']: each['total']['kwh']
                for each in document['probes']
            },
        )
        self.assertEqual(
            names[1:],
            [
                each['probe_id']
                for each in self.get(
                    f'/v1/energy?{period}&marker=A&host=node-41'
                ).json['probes']
            ],
        )
        self.assertEqual(
            document['probes'][2]['total'],
            self.get(f'/v1/probes/a%20/energy?{period}').json['total'],
        )

    def test_change_of_probe_changes_etag(self):
        rows.insert(self.engine, 'a', 'b', millijoules=2**62)
        tag = self.get('/v1/probes/').headers['ETag']
        self.get('/v1/probes/', 304, **{'If-None-Match': tag})

        with self.engine.begin() as connection:
            connection.execute(
                schema.register.update()
                .where(schema.register.c.probe == 'a')
                .values(elapsed=1_000_250)
            )

        self.get('/v1/probes/', 200, **{'If-None-Match': tag})

    def test_commit_of_a_long_transaction_changes_etag(self):
        rows.insert(self.engine, 'a', 'b')
        with self.engine.connect() as slow:
            slow.execute(
                schema.register.update()
                .where(schema.register.c.probe == 'a')
                .values(elapsed=1_000_250, millijoules=9_000_000_000)
            )
            rows.insert(self.engine, 'c')
            before = self.get('/v1/probes/')
            tag = before.headers['ETag']
            self.get('/v1/probes/', 304, **{'If-None-Match': tag})

            slow.commit()

        after = self.get('/v1/probes/', 200, **{'If-None-Match': tag})
        self.assertEqual(1.25, before.json['probes']['a']['kwh'])
        self.assertEqual(2.5, after.json['probes']['a']['kwh'])

    def test_service_recovers_with_database(self):
        rows.insert(self.engine, 'a')
        self.get('/v1/probes/')
        self.server.stop()
        self.addCleanup(self.server.start)

        for page in ('/v1/probe-ids/', '/v1/probes/', '/v1/probes/a/'):
            error = self.get(page, 503).json['error']

            self.assertEqual('Service Unavailable', error['title'])
        self.get('/')

        self.server.start()
        self.get('/v1/probes/')
