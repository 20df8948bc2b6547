# SPDX-License-Identifier: Apache-2.0

"""Connections to the database."""

import unittest.mock

import fixtures
from oslo_config import cfg
from oslotest import base
import sqlalchemy as sa

from energy_meter import conf as energy_meter_conf
from energy_meter import exception
from energy_meter.db import engine as db_engine


class EngineTest(base.BaseTestCase):
    def connect(self, url: str) -> sa.Engine:
        conf = cfg.ConfigOpts()
        energy_meter_conf.register_opts(conf)
        conf([], default_config_files=[], default_config_dirs=[])
        conf.set_override('connection', url, 'database')
        engine = db_engine.connect(conf)
        self.addCleanup(engine.dispose)
        return engine

    def query(self, engine: sa.Engine, query: str) -> object:
        with engine.connect() as connection:
            return connection.scalar(sa.text(query))


class SQLiteTest(EngineTest):
    def setUp(self) -> None:
        super().setUp()
        directory = self.useFixture(fixtures.TempDir()).path
        self.engine = self.connect(f'sqlite:///{directory}/db.sqlite')

    def test_journal_is_a_write_ahead_log(self):
        self.assertEqual('wal', self.query(self.engine, 'PRAGMA journal_mode'))

    def test_commits_are_synchronous(self):
        full = 2
        self.assertEqual(full, self.query(self.engine, 'PRAGMA synchronous'))

    def test_errors_are_raised_without_a_traceback_in_the_log(self):
        log = self.useFixture(fixtures.FakeLogger())

        for value in (2**70, object()):
            with self.engine.connect() as connection:
                self.assertRaises(
                    db_engine.ERRORS,
                    connection.execute,
                    sa.text('SELECT :value'),
                    {'value': value},
                )

        self.assertEqual('', log.output)

    def test_clock_counts_ms_since_the_epoch(self):
        with self.engine.connect() as connection:
            self.assertAlmostEqual(
                float(
                    str(
                        self.query(self.engine, "SELECT strftime('%s', 'now')")
                    )
                ),
                db_engine.now(connection) / 1000,
                delta=60,
            )


class TimeoutsTest(EngineTest):
    def options(self, url: str) -> dict[str, object]:
        return dict(self.connect(url).url.query)

    def test_postgresql_has_timeouts(self):
        self.assertEqual(
            {
                'connect_timeout': '10',
                'tcp_user_timeout': '60000',
                'options': '-c statement_timeout=60000',
            },
            self.options('postgresql+psycopg://u:p@127.0.0.1/energy_meter'),
        )

    def test_mariadb_has_timeouts(self):
        self.assertEqual(
            {
                'connect_timeout': '10',
                'read_timeout': '60',
                'write_timeout': '60',
                'charset': 'utf8mb4',
            },
            self.options(
                'mysql+pymysql://u:p@127.0.0.1/energy_meter?charset=utf8mb4'
            ),
        )

    def test_timeouts_in_the_url_take_precedence(self):
        options = self.options(
            'mysql+pymysql://u:p@127.0.0.1/energy_meter?connect_timeout=3'
        )
        self.assertEqual('3', options['connect_timeout'])
        self.assertEqual('60', options['read_timeout'])

    def test_isolation_level_avoids_gap_locks(self):
        engine = self.connect('mysql+pymysql://u:p@127.0.0.1/energy_meter')
        self.assertEqual(
            'READ COMMITTED', engine.get_execution_options()['isolation_level']
        )

    def test_password_is_decoded(self):
        engine = self.connect('mysql+pymysql://u:p%40ss@127.0.0.1/db')
        self.assertEqual('p@ss', engine.url.password)


class InvalidURLTest(EngineTest):
    def reject(self, url: str) -> str:
        error = self.assertRaises(
            exception.ConfigurationError, self.connect, url
        )
        self.assertIn('connection', str(error))
        return str(error)

    def test_invalid_url_is_rejected_without_showing_it(self):
        self.assertNotIn('hidden', self.reject('mysql+pymysql:u:hidden@host'))

    def test_missing_url_is_rejected(self):
        self.assertIn('not set', self.reject(''))

    def test_at_sign_in_a_password_is_rejected_without_showing_it(self):
        self.assertNotIn(
            'hidden',
            self.reject('postgresql+psycopg://u:half@hidden@127.0.0.1/db'),
        )

    def test_unknown_dialect_is_rejected(self):
        self.assertNotIn('hidden', self.reject('oracel://u:hidden@host/db'))

    def test_missing_library_is_named(self):
        with unittest.mock.patch.dict('sys.modules', {'pymysql': None}):
            self.assertIn(
                'pymysql', self.reject('mysql+pymysql://u:hidden@127.0.0.1/db')
            )


class ExplainTest(EngineTest):
    def explain(self, url: str, query: str = 'SELECT 1') -> str:
        try:
            self.query(self.connect(url), query)
        except db_engine.ERRORS as error:
            return db_engine.explain(error)
        raise AssertionError('the query succeeded')

    def test_unavailable_server_is_explained_without_the_password(self):
        # Only root could listen on this port.
        for url in (
            'postgresql+psycopg://u:hidden@127.0.0.1:1/db',
            'mysql+pymysql://u:hidden@127.0.0.1:1/db',
        ):
            message = self.explain(url)

            self.assertIn('refused', message)
            self.assertNotIn('hidden', message)
            self.assertNotIn('\n', message)

    def test_failed_statement_is_not_shown(self):
        self.assertEqual(
            'DBNonExistentTable: no such table: missing',
            self.explain('sqlite://', "SELECT 'hidden' FROM missing"),
        )
