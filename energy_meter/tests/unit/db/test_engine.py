# SPDX-License-Identifier: Apache-2.0


"""Connections to the database."""

import unittest.mock

import fixtures
from oslo_config import cfg
from oslo_db import exception as db_exception
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

    def ask(self, engine: sa.Engine, query: str) -> object:
        with engine.connect() as connection:
            return connection.scalar(sa.text(query))


class SQLiteTest(EngineTest):
    def setUp(self) -> None:
        super().setUp()
        directory = self.useFixture(fixtures.TempDir()).path
        self.engine = self.connect(f'sqlite:///{directory}/db.sqlite')

    def test_readers_do_not_wait_for_the_writer(self):
        self.assertEqual('wal', self.ask(self.engine, 'PRAGMA journal_mode'))

    def test_what_was_committed_outlasts_the_machine(self):
        full = 2
        self.assertEqual(full, self.ask(self.engine, 'PRAGMA synchronous'))

    def test_clock_is_that_of_the_epoch(self):
        with self.engine.connect() as connection:
            self.assertAlmostEqual(
                float(
                    str(self.ask(self.engine, "SELECT strftime('%s', 'now')"))
                ),
                db_engine.now(connection),
                delta=60,
            )


class TimeoutsTest(EngineTest):
    def query(self, url: str) -> dict[str, object]:
        return dict(self.connect(url).url.query)

    def test_postgresql_never_hangs(self):
        self.assertEqual(
            {
                'connect_timeout': '10',
                'tcp_user_timeout': '60000',
                'options': '-c statement_timeout=60000',
            },
            self.query('postgresql+psycopg://u:p@127.0.0.1/energy_meter'),
        )

    def test_mariadb_never_hangs(self):
        self.assertEqual(
            {
                'connect_timeout': '10',
                'read_timeout': '60',
                'write_timeout': '60',
                'charset': 'utf8mb4',
            },
            self.query(
                'mysql+pymysql://u:p@127.0.0.1/energy_meter?charset=utf8mb4'
            ),
        )

    def test_what_the_url_says_stands(self):
        found = self.query(
            'mysql+pymysql://u:p@127.0.0.1/energy_meter?connect_timeout=3'
        )
        self.assertEqual('3', found['connect_timeout'])
        self.assertEqual('60', found['read_timeout'])

    def test_servers_lock_no_gaps_between_rows(self):
        engine = self.connect('mysql+pymysql://u:p@127.0.0.1/energy_meter')
        self.assertEqual(
            'READ COMMITTED', engine.get_execution_options()['isolation_level']
        )

    def test_password_reaches_the_server_as_it_is(self):
        engine = self.connect('mysql+pymysql://u:p%40ss@127.0.0.1/db')
        self.assertEqual('p@ss', engine.url.password)


class WrongURLTest(EngineTest):
    def refuse(self, url: str) -> str:
        error = self.assertRaises(
            exception.ConfigurationError, self.connect, url
        )
        self.assertIn('connection', str(error))
        return str(error)

    def test_what_is_no_url_is_refused_without_being_shown(self):
        self.assertNotIn('hidden', self.refuse('mysql+pymysql:u:hidden@host'))

    def test_no_url_is_refused(self):
        self.assertIn('not set', self.refuse(''))

    def test_at_sign_of_a_password_does_not_become_the_host(self):
        self.assertNotIn(
            'hidden',
            self.refuse('postgresql+psycopg://u:half@hidden@127.0.0.1/db'),
        )

    def test_unknown_kind_of_database_is_refused(self):
        self.assertNotIn('hidden', self.refuse('oracel://u:hidden@host/db'))

    def test_missing_library_is_named(self):
        with unittest.mock.patch.dict('sys.modules', {'pymysql': None}):
            self.assertIn(
                'pymysql', self.refuse('mysql+pymysql://u:hidden@127.0.0.1/db')
            )


class ExplainTest(EngineTest):
    def explain(self, url: str, query: str = 'SELECT 1') -> str:
        try:
            self.ask(self.connect(url), query)
        except (db_exception.DBError, sa.exc.SQLAlchemyError) as error:
            return db_engine.explain(error)
        raise AssertionError('it did not fail')

    def test_server_that_is_away_is_told_without_the_password(self):
        # Nobody listens on this port, which only root could take.
        for url in (
            'postgresql+psycopg://u:hidden@127.0.0.1:1/db',
            'mysql+pymysql://u:hidden@127.0.0.1:1/db',
        ):
            said = self.explain(url)

            self.assertIn('refused', said)
            self.assertNotIn('hidden', said)
            self.assertNotIn('\n', said)

    def test_statement_is_not_told(self):
        self.assertEqual(
            'DBNonExistentTable: no such table: missing',
            self.explain('sqlite://', "SELECT 'hidden' FROM missing"),
        )
