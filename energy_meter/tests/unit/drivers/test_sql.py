# SPDX-License-Identifier: Apache-2.0


"""Rows of any database become readings; stale ones and NULLs don't."""

import datetime
import sqlite3
import time

import fixtures
from oslotest import base

from energy_meter import exception
from energy_meter.drivers import sql
from energy_meter.tests import drivers

QUERY = 'SELECT outlet AS probe, watts, kwh, at AS time FROM readings'


class SQLTest(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.file = self.useFixture(fixtures.TempDir()).path + '/db'
        self.execute('CREATE TABLE readings (outlet, watts, kwh, at)')

    def execute(self, statement: str, *values: object) -> None:
        with sqlite3.connect(self.file) as connection:
            connection.execute(statement, values)
        connection.close()

    def write(
        self,
        outlet: object,
        watts: object = None,
        kwh: object = None,
        age: float = 0,
    ) -> None:
        self.execute(
            'INSERT INTO readings VALUES (?, ?, ?, ?)',
            outlet,
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

    def refuse(self, *probes: str, **options: object) -> str:
        meter = self.open(*probes or ('a',), **options)
        return str(
            self.assertRaises(
                exception.DriverError, lambda: list(meter.read())
            )
        )

    def test_a_row_is_a_reading(self):
        self.write('a', 95.5, 12.345, age=10)

        (reading,) = self.open('a').read()

        self.assertEqual(('a', 95.5, 12345), reading[:3])
        self.assertEqual(3600.0, reading.counter.joules)
        self.assertAlmostEqual(time.monotonic() - 10, reading.at, 0)

    def test_rows_find_their_probes_by_the_outlets_names(self):
        self.write(2, 20)
        self.write(1, 10)

        readings = self.open('a', None, 'b', outlets=['1', '9', '2']).read()

        self.assertEqual(
            [('a', 10.0), ('b', 20.0)], [reading[:2] for reading in readings]
        )

    def test_null_is_no_reading(self):
        self.write('a')
        self.write('b', 5)
        self.write('c', None, 7)

        readings = self.open('a', 'b', 'c').read()

        self.assertEqual(
            [('b', 5.0, None), ('c', None, 7000)],
            [reading[:3] for reading in readings],
        )

    def test_a_row_is_read_once(self):
        self.write('a', 5)
        meter = self.open('a')
        meter.read()

        self.assertEqual([], meter.read())

    def test_a_stale_row_costs_only_its_probe(self):
        self.write('a', 5, age=121)
        self.write('b', 6, age=119)

        self.assertEqual(
            ['b'], [reading.probe for reading in self.open('a', 'b').read()]
        )

    def test_if_all_rows_are_stale_the_gateway_is_dead(self):
        self.write('a', 5, age=3600)

        self.assertIn('a: measured 3600 s ago', self.refuse())

    def test_a_row_that_is_not_there_costs_only_its_probe(self):
        self.write('b', 6)

        self.assertEqual(1, len(self.open('a', 'b').read()))
        self.assertIn('no row of probe c', self.refuse('c'))

    def test_of_several_rows_the_newest_counts(self):
        self.write('a', 5, age=2)
        self.write('a', 7, age=1)
        self.write('a', 6, age=3)

        (reading,) = self.open('a').read()

        self.assertEqual(7.0, reading.watts)

    def test_several_rows_without_times_are_an_error(self):
        self.write('a', 5)
        self.write('a', 6)

        self.assertIn(
            'several rows of probe a: expected one',
            self.refuse(query='SELECT outlet AS probe, watts FROM readings'),
        )

    def test_without_times_a_row_is_from_just_now(self):
        self.write('a', 5)

        (reading,) = self.open(
            'a', query='SELECT outlet AS Probe, watts AS WATTS FROM readings'
        ).read()

        self.assertEqual((5.0, None), (reading.watts, reading.at))

    def test_a_timestamp_without_a_zone_is_utc(self):
        now = datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
        self.execute(
            'INSERT INTO readings VALUES (?, 5, NULL, ?)',
            'a',
            now.isoformat(' '),
        )

        (reading,) = self.open('a').read()

        self.assertAlmostEqual(time.monotonic(), reading.at, 0)

    def test_columns_are_checked(self):
        for columns in (
            'watts',
            'outlet AS probe',
            'outlet AS probe, watts, kwh AS energy',
        ):
            self.assertIn(
                'expected probe, watts and/or kwh, and optionally time',
                self.refuse(query=f'SELECT {columns} FROM readings'),
            )

    def test_a_statement_without_rows_is_an_error(self):
        self.assertIn(
            'the query gives no rows',
            self.refuse(query='UPDATE readings SET watts = 5'),
        )

    def test_percent_and_colon_mean_nothing_special(self):
        self.write('a:b', 5)

        (reading,) = self.open(
            'a:b', query=f"{QUERY} WHERE outlet LIKE '%:b'"
        ).read()

        self.assertEqual(5.0, reading.watts)

    def test_a_coarse_counter_has_the_step_of_the_option(self):
        self.write('a', 5, 12.34)

        (reading,) = self.open('a', kwh_step=0.1).read()

        self.assertEqual(123, reading.ticks)
        self.assertEqual(360_000.0, reading.counter.resolution)

    def test_a_broken_query_is_an_error_in_the_databases_words(self):
        self.assertIn(
            'no such column: nonsense',
            self.refuse(query='SELECT nonsense AS probe'),
        )

    def test_a_url_that_is_none_is_not_shown(self):
        e = self.assertRaises(
            exception.DriverError,
            self.open,
            'a',
            url='mysql+pymysql//root:s3cret@db/x',
        )

        self.assertIn('url: expected DIALECT+DRIVER://', str(e))
        self.assertNotIn('s3cret', str(e))

    def test_a_missing_driver_is_named_and_no_password(self):
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
