# SPDX-License-Identifier: Apache-2.0

"""Readings from the rows of a query."""

import datetime
import os
import shutil
import sqlite3
import time

import fixtures
from oslotest import base
import sqlalchemy

from energy_meter import exception
from energy_meter.drivers import sql
from energy_meter.tests import drivers

QUERY = 'SELECT channel AS probe, watts, kwh, at AS time FROM readings'


class SQLTest(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.file = self.useFixture(fixtures.TempDir()).path + '/db'
        self.execute('CREATE TABLE readings (channel, watts, kwh, at)')

    def execute(self, statement: str, *values: object) -> None:
        with sqlite3.connect(self.file) as connection:
            connection.execute(statement, values)
        connection.close()

    def write(
        self,
        channel: object,
        watts: object = None,
        kwh: object = None,
        age: float = 0,
    ) -> None:
        self.execute(
            'INSERT INTO readings VALUES (?, ?, ?, ?)',
            channel,
            watts,
            kwh,
            time.time() - age,
        )

    def open(self, *probes: str | None, **options: object) -> sql.SQL:
        meter = drivers.make(
            sql.SQL,
            *probes,
            **{'url': f'sqlite:///{self.file}', 'query': QUERY} | options,
        )
        self.addCleanup(meter.close)
        meter.open()
        return meter

    def read_error(self, *probes: str, **options: object) -> str:
        meter = self.open(*probes or ('a',), **options)
        return str(
            self.assertRaises(
                exception.DriverError, lambda: list(meter.read())
            )
        )

    def test_row_is_a_reading(self):
        self.write('a', 95.5, 12.345, age=10)

        (reading,) = self.open('a').read()

        self.assertEqual(('a', 95.5, 12345), reading[:3])
        self.assertEqual(3600.0, reading.counter.joules_per_tick)
        self.assertAlmostEqual(time.monotonic() - 10, reading.monotonic, 0)

    def test_rows_are_assigned_by_the_names_of_channels(self):
        self.write(2, 20)
        self.write(1, 10)

        readings = self.open('a', None, 'b', channels=['1', '9', '2']).read()

        self.assertEqual(
            [('a', 10.0), ('b', 20.0)], [reading[:2] for reading in readings]
        )

    def test_null_is_not_a_reading(self):
        self.write('a')
        self.write('b', 5)
        self.write('c', None, 7)

        readings = self.open('a', 'b', 'c').read()

        self.assertEqual(
            [('b', 5.0, None), ('c', None, 7000)],
            [reading[:3] for reading in readings],
        )

    def test_row_is_read_once(self):
        self.write('a', 5)
        meter = self.open('a')
        meter.read()

        self.assertEqual([], meter.read())

    def test_stale_row_does_not_affect_other_probes(self):
        self.write('a', 5, age=121)
        self.write('b', 6, age=119)

        self.assertEqual(
            ['b'], [reading.probe for reading in self.open('a', 'b').read()]
        )

    def test_stale_rows_of_all_probes_are_an_error(self):
        self.write('a', 5, age=3600)

        self.assertIn('a: measured 3600 s ago', self.read_error())

    def test_missing_row_does_not_affect_other_probes(self):
        self.write('b', 6)

        self.assertEqual(1, len(self.open('a', 'b').read()))
        self.assertIn('no row of probe c', self.read_error('c'))

    def test_newest_of_several_rows_is_read(self):
        self.write('a', 5, age=2)
        self.write('a', 7, age=1)
        self.write('a', 6, age=3)

        (reading,) = self.open('a').read()

        self.assertEqual(7.0, reading.watts)

    def test_several_rows_without_time_are_an_error(self):
        self.write('a', 5)
        self.write('a', 6)

        self.assertIn(
            'several rows of probe a: expected one',
            self.read_error(
                query='SELECT channel AS probe, watts FROM readings'
            ),
        )

    def test_several_rows_cost_only_their_probe(self):
        # Given two rows without a time of one outlet, and one of another,
        self.write('a', 5)
        self.write('a', 6)
        self.write('b', 7)

        # when the first outlet is metered or not,
        for probes, options in (
            (('a', 'b'), {}),
            ((None, 'b'), {'channels': ['a', 'b']}),
            (('b',), {}),
        ):
            readings = self.open(
                *probes,
                query='SELECT channel AS probe, watts FROM readings',
                **options,
            ).read()

            # then the other has a reading.
            self.assertEqual(
                [('b', 7.0)], [reading[:2] for reading in readings]
            )

    def test_row_without_time_is_measured_now(self):
        self.write('a', 5)

        (reading,) = self.open(
            'a', query='SELECT channel AS Probe, watts AS WATTS FROM readings'
        ).read()

        self.assertEqual((5.0, None), (reading.watts, reading.monotonic))

    def test_timestamp_without_time_zone_is_utc(self):
        now = datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
        self.execute(
            'INSERT INTO readings VALUES (?, 5, NULL, ?)',
            'a',
            now.isoformat(' '),
        )

        (reading,) = self.open('a').read()

        self.assertAlmostEqual(time.monotonic(), reading.monotonic, 0)

    def test_invalid_columns_are_an_error(self):
        for columns in (
            'watts',
            'channel AS probe',
            'channel AS probe, watts, kwh AS energy',
        ):
            self.assertIn(
                'expected probe, watts and/or kwh, and optionally time',
                self.read_error(query=f'SELECT {columns} FROM readings'),
            )

    def test_statement_without_rows_is_an_error(self):
        self.assertIn(
            'the query returns no rows',
            self.read_error(query='UPDATE readings SET watts = 5'),
        )

    def test_missing_file_is_an_error_and_is_not_created(self):
        for name in ('missing', 'a b'):
            path = f'{os.path.dirname(self.file)}/{name}'
            url = sqlalchemy.URL.create('sqlite', database=path)

            error = self.read_error(url=url.render_as_string())

            self.assertIn('unable to open database file', error)
            self.assertIn('did not answer', error)
            self.assertFalse(os.path.exists(path))

    def test_file_with_special_characters_is_read(self):
        self.write('a', 5)
        for name in ('a b', 'a%20b', 'a#b', 'a:b'):
            path = f'{os.path.dirname(self.file)}/{name}'
            shutil.copy(self.file, path)

            url = sqlalchemy.URL.create('sqlite', database=path)
            (reading,) = self.open('a', url=url.render_as_string()).read()

            self.assertEqual(5.0, reading.watts, name)

    def test_percent_and_colon_are_not_parameters(self):
        self.write('a:b', 5)

        (reading,) = self.open(
            'a:b', query=f"{QUERY} WHERE channel LIKE '%:b'"
        ).read()

        self.assertEqual(5.0, reading.watts)

    def test_counter_has_the_configured_step(self):
        self.write('a', 5, 12.34)

        (reading,) = self.open('a', kwh_step=0.1).read()

        self.assertEqual(123, reading.ticks)
        self.assertEqual(360_000.0, reading.counter.resolution)

    def test_invalid_query_is_an_error_with_the_text_of_the_database(self):
        self.assertIn(
            'no such column: nonsense',
            self.read_error(query='SELECT nonsense AS probe'),
        )

    def test_invalid_url_is_an_error_without_the_url(self):
        e = self.assertRaises(
            exception.DriverError,
            self.open,
            'a',
            url='mysql+pymysql//root:s3cret@db/x',
        )

        self.assertIn('url: expected DIALECT+DRIVER://', str(e))
        self.assertNotIn('s3cret', str(e))

    def test_missing_database_driver_is_an_error_without_the_password(self):
        e = self.assertRaises(
            exception.DriverError,
            self.open,
            'a',
            url='oracle+cx_none://root:s3cret@db/x',
        )

        self.assertIn(
            'oracle+cx_none://root:***@db/x: no usable driver', str(e)
        )
        self.assertNotIn('s3cret', str(e))
