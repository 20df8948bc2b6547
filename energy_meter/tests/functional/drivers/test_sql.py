# SPDX-License-Identifier: Apache-2.0

"""Gateway's database in MariaDB and PostgreSQL."""

import gc
import sys
import time
import typing

import fixtures
from oslotest import base
import sqlalchemy

from energy_meter import exception
from energy_meter.drivers import sql
from energy_meter.drivers.common import bounds
from energy_meter.tests import drivers
from energy_meter.tests.functional.services import base as services
from energy_meter.tests.functional.services import database
from energy_meter.tests.functional.services import mariadb
from energy_meter.tests.functional.services import postgresql

QUERY = (
    'SELECT channel AS probe, watts, kwh, measured AS time '
    'FROM readings ORDER BY measured'
)


class _GatewayTests:
    """Tests that apply to both databases.

    :cvar Server: fixture of the database server.
    :cvar TABLE: types of the columns watts, kwh and measured.
    :cvar NOW: current time as an expression for the column measured.
    """

    Server: type[database.DatabaseServer]
    TABLE: tuple[str, str, str]
    NOW: str

    def setUp(self):
        super().setUp()
        self.server = services.shared(self.Server)
        self.url = self.server.create_database()
        self.engine = sqlalchemy.create_engine(
            self.url, poolclass=sqlalchemy.NullPool
        )
        watts, kwh, measured = self.TABLE
        self.execute(
            f'CREATE TABLE readings (channel VARCHAR(20), '
            f'watts {watts}, kwh {kwh}, measured {measured})'
        )

    def execute(self, statement: str) -> None:
        with self.engine.begin() as connection:
            connection.exec_driver_sql(statement)

    def write(
        self,
        channel: str,
        watts: str = 'NULL',
        kwh: str = 'NULL',
        measured: str | None = None,
    ) -> None:
        self.execute(
            'INSERT INTO readings VALUES '
            f"('{channel}', {watts}, {kwh}, {measured or self.NOW})"
        )

    def open(self, *probes: str | None, **options: typing.Any) -> sql.SQL:
        meter = drivers.make(
            sql.SQL,
            *probes,
            **{'url': self.url, 'query': QUERY, 'timeout': 2.0} | options,
        )
        self.addCleanup(meter.close)
        meter.open()
        return meter

    def test_rows_are_readings_with_watts_and_kwh(self):
        self.write('a', '95.5', '12.345')
        self.write('b', '0', '0')

        readings = {
            reading.probe: reading for reading in self.open('a', 'b').read()
        }

        self.assertEqual((95.5, 12345), readings['a'][1:3])
        self.assertEqual((0.0, 0), readings['b'][1:3])
        self.assertEqual(3600.0, readings['a'].counter.joules_per_tick)
        self.assertAlmostEqual(
            time.monotonic(), readings['a'].monotonic, delta=5
        )

    def test_only_new_rows_are_read(self):
        self.write('a', '5', '1.0')
        meter = self.open('a')
        (first,) = meter.read()

        self.assertEqual([], meter.read())
        self.write('a', '6', '1.5')
        (second,) = meter.read()

        self.assertEqual(
            (6.0, 500), (second.watts, second.ticks - first.ticks)
        )
        self.assertGreater(second.monotonic, first.monotonic)

    def test_query_is_rolled_back(self):
        self.write('a', '5')
        meter = self.open('a', query='DELETE FROM readings')

        e = self.assertRaises(exception.ProtocolError, meter.read)

        # PostgreSQL has no cursor for it, and says so.
        self.assertRegex(str(e), 'expected a SELECT|error at or near "DELETE"')
        self.assertEqual(1, len(self.open('a').read()))

    def test_null_is_omitted(self):
        self.write('a')
        self.write('b', kwh='3')

        (reading,) = self.open('a', 'b').read()

        self.assertEqual(('b', None, 3000), reading[:3])

    def test_stale_rows_are_an_error(self):
        self.write('a', '5', measured=f"{self.NOW} - INTERVAL '1' HOUR")

        e = self.assertRaises(exception.ProtocolError, self.open('a').read)

        self.assertRegex(str(e), 'a: measured 360[0-9] s ago')

    def test_percent_and_colon_are_not_parameters(self):
        self.write('a:b', '5')

        (reading,) = self.open(
            'a:b',
            query=QUERY.replace('ORDER', "WHERE channel LIKE '%:b' ORDER"),
        ).read()

        self.assertEqual(5.0, reading.watts)

    def test_wrong_password_is_an_error_without_the_password(self):
        self.execute(self.ACCOUNT)
        url = sqlalchemy.make_url(self.url).set(
            username='gateway', password='wr0ng'
        )

        meter = self.open('a', url=url.render_as_string(hide_password=False))
        e = self.assertRaises(exception.AuthenticationFailed, meter.read)

        self.assertIn('refused the credentials of user gateway', str(e))
        self.assertNotIn('wr0ng', str(e))

    def test_missing_table_is_an_error_with_the_text_of_the_database(self):
        meter = self.open('a', query='SELECT probe, watts FROM nothing')

        e = self.assertRaises(exception.ProtocolError, meter.read)

        self.assertIn('nothing', str(e))

    def test_slow_query_is_an_error_after_the_timeout(self):
        meter = self.open('a', query=self.SLEEP, timeout=1.0)

        self.assertRaises(exception.DeviceUnreachable, meter.read)

    def test_number_of_rows_is_bounded(self):
        ignored = []
        self.useFixture(
            fixtures.MockPatchObject(sys, 'unraisablehook', ignored.append)
        )
        # Given a query that returns as many rows as may be read,
        numbers = (
            'WITH RECURSIVE numbers AS (SELECT 1 AS n UNION ALL '
            f'SELECT n + 1 FROM numbers WHERE n < {bounds.MAX_ROWS}) '
            'SELECT n AS probe, 5 AS watts FROM numbers'
        )
        if isinstance(self, MariaDBTest):
            numbers = (
                f'SET STATEMENT max_recursive_iterations=99999 FOR {numbers}'
            )
        (reading,) = self.open('7', query=numbers).read()
        self.assertEqual(5.0, reading.watts)

        # when it returns many more, of which the server sends all,
        meter = self.open(
            '7', query=f'{numbers} CROSS JOIN (SELECT 1 UNION ALL SELECT 2) x'
        )
        e = self.assertRaises(exception.ProtocolError, meter.read)

        # then it is an error, after which the driver can be closed.
        self.assertIn('the query returns more than 10000 rows', str(e))
        meter.close()
        gc.collect()
        self.assertEqual([], ignored)

    def test_restarted_server_is_read_after_reopening(self):
        server = self.useFixture(self.Server())
        meter = self.open(
            'a',
            url=server.database_url(server.superuser_database),
            query="SELECT 'a' AS probe, 5 AS watts",
        )
        meter.read()
        server.kill()

        e = self.assertRaises(exception.DeviceUnreachable, meter.read)
        self.assertIn(f'127.0.0.1:{server.port}', str(e))
        meter.close()
        server.start()
        meter.open()

        (reading,) = meter.read()
        self.assertEqual(5.0, reading.watts)


class MariaDBTest(_GatewayTests, base.BaseTestCase):
    Server = mariadb.MariaDB
    TABLE = ('FLOAT', 'DECIMAL(12,4)', 'DATETIME(6)')
    NOW = 'UTC_TIMESTAMP(6)'
    SLEEP = "SELECT 'a' AS probe, SLEEP(30) AS watts"
    ACCOUNT = "CREATE OR REPLACE USER gateway IDENTIFIED BY 'r1ght'"

    def test_unix_timestamps_are_accepted(self):
        self.write('a', '5')
        self.execute("SET GLOBAL time_zone = '+05:00'")
        self.addCleanup(self.execute, "SET GLOBAL time_zone = 'SYSTEM'")

        (reading,) = self.open(
            'a',
            query=QUERY.replace(
                'measured AS time',
                'UNIX_TIMESTAMP(CONVERT_TZ(measured, '
                "'+00:00', '+05:00')) AS time",
            ),
        ).read()

        self.assertAlmostEqual(time.monotonic(), reading.monotonic, delta=5)


class PostgreSQLTest(_GatewayTests, base.BaseTestCase):
    Server = postgresql.PostgreSQL
    TABLE = ('REAL', 'NUMERIC(12,4)', 'TIMESTAMP WITH TIME ZONE')
    NOW = 'clock_timestamp()'
    SLEEP = "SELECT 'a' AS probe, 5 AS watts FROM pg_sleep(30)"
    ACCOUNT = (
        "DO $$ BEGIN CREATE ROLE gateway LOGIN PASSWORD 'r1ght'; "
        'EXCEPTION WHEN duplicate_object THEN NULL; END $$'
    )

    def test_wrong_password_is_an_error_without_the_password(self):
        # The server of the tests accepts all users without a password.
        hba = next(self.server.directory.glob('data/pg_hba.conf'))
        original = hba.read_text()
        self.addCleanup(self.server.execute, 'SELECT pg_reload_conf()')
        self.addCleanup(hba.write_text, original)
        hba.write_text(
            'host all gateway 127.0.0.1/32 scram-sha-256\n' + original
        )
        self.server.execute('SELECT pg_reload_conf()')

        super().test_wrong_password_is_an_error_without_the_password()
