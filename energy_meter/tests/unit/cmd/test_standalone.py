# SPDX-License-Identifier: Apache-2.0


"""Everything in one process, with nothing to set up."""

import unittest.mock

import fixtures
from oslo_config import cfg
import sqlalchemy as sa

from energy_meter.agent import wattmeter
from energy_meter.cmd import standalone
from energy_meter.db import migration
from energy_meter.tests.unit.cmd import base


class StandaloneTest(base.CommandTest):
    def setUp(self) -> None:
        super().setUp()
        self.data = self.directory / 'data'

    def load(self, *words: str) -> cfg.ConfigOpts:
        with unittest.mock.patch('sys.argv', ['standalone', *words]):
            return standalone.load()


class LoadTest(StandaloneTest):
    def test_two_dummies_are_metered_unless_configured_otherwise(self):
        found, errors = wattmeter.load(
            self.load('--data-dir', str(self.data)), 'agent'
        )
        self.assertEqual([], errors)
        self.assertEqual([2], [len(item.probes) for item in found])

    def test_configuration_takes_the_place_of_the_dummies(self):
        self.write('[wattmeter:own]\ndriver = dummy\nprobes = p\n')
        found, _ = wattmeter.load(
            self.load(
                '--data-dir',
                str(self.data),
                '--config-file',
                str(self.directory / 'test.conf'),
            ),
            'agent',
        )
        self.assertEqual(['own'], [item.name for item in found])

    def test_nothing_leaves_the_process_whatever_is_configured(self):
        self.write(
            '[DEFAULT]\ntransport_url = rabbit://u:p@host/\n'
            '[bus]\nsources = rabbit://u:p@other/\n'
            '[database]\nconnection = mysql+pymysql://u:p@host/db\n'
            '[api]\nauth_strategy = keystone\n'
        )
        conf = self.load(
            '--data-dir',
            str(self.data),
            '--config-file',
            str(self.directory / 'test.conf'),
        )
        self.assertEqual(
            (
                'fake://',
                [],
                f'sqlite:///{self.data}/energy_meter.sqlite',
                'noauth',
            ),
            (
                conf.transport_url,
                conf.bus.sources,
                conf.database.connection,
                conf.api.auth_strategy,
            ),
        )

    def test_it_listens_on_loopback_only(self):
        conf = self.load('--data-dir', str(self.data))
        self.assertEqual(
            ('127.0.0.1', '127.0.0.1'),
            (conf.api.bind_host, conf.rrd.bind_host),
        )

    def test_data_is_kept_where_the_user_keeps_data(self):
        self.useFixture(
            fixtures.EnvironmentVariable(
                'XDG_DATA_HOME', str(self.directory / 'xdg')
            )
        )
        self.assertEqual(
            str(self.directory / 'xdg/energy_meter'), self.load().state_path
        )

    def test_data_is_kept_at_home_by_default(self):
        for name, value in (
            ('XDG_DATA_HOME', None),
            ('HOME', str(self.directory)),
        ):
            self.useFixture(fixtures.EnvironmentVariable(name, value))
        self.assertEqual(
            str(self.directory / '.local/share/energy_meter'),
            self.load().state_path,
        )

    def test_data_is_not_for_everybody(self):
        self.load('--data-dir', str(self.data))
        self.assertEqual(0, self.data.stat().st_mode & 0o007)


class MainTest(StandaloneTest):
    def setUp(self) -> None:
        super().setUp()
        self.run_services = self.useFixture(
            fixtures.MockPatchObject(standalone.service, 'run')
        ).mock

    def start(self, *words: str) -> str:
        result = self.run_command(
            standalone.main, '--data-dir', str(self.data), *words
        )
        self.assertEqual((0, ''), (result.code, result.error))
        return result.output

    def test_it_tells_where_to_look(self):
        self.write('[api]\nport = 18878\n')
        told = self.start()
        self.assertIn('Probes:  http://127.0.0.1:18878/v1/probes/\n', told)
        self.assertIn(f'Data:    {self.data}\n', told)

    def test_data_that_can_not_be_kept_is_told(self):
        self.data.write_text('')
        result = self.run_command(
            standalone.main, '--data-dir', str(self.data)
        )
        self.assertEqual(1, result.code)
        self.assertEqual(
            f'energy-meter-standalone: {self.data}: File exists', result.error
        )

    def test_address_of_ipv6_is_one_that_can_be_opened(self):
        self.write('[api]\nbind_host = ::1\n')
        self.assertIn('http://[::1]:8878/v1/probes/', self.start())

    def test_missing_rrdtool_is_told(self):
        self.useFixture(
            fixtures.MockPatchObject(
                standalone.rrd, 'is_installed', lambda: False
            )
        )
        self.assertIn('Graphs:  none: rrdtool is not installed', self.start())

    def test_database_is_ready_and_messages_are_signed(self):
        self.start()
        engine = sa.create_engine(f'sqlite:///{self.data}/energy_meter.sqlite')
        self.addCleanup(engine.dispose)
        migration.check(engine)
        conf, _ = self.run_services.call_args.args
        self.assertEqual(1, len(conf.bus.secrets))
