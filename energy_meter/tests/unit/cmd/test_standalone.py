# SPDX-License-Identifier: Apache-2.0

"""Tests for energy-meter-standalone."""

import os
import unittest.mock

import fixtures
from oslo_config import cfg
import sqlalchemy as sa

from energy_meter.agent import wattmeter
from energy_meter.cmd import standalone
from energy_meter.collector import probe_sections
from energy_meter.db import migration
from energy_meter.tests.unit.cmd import base


class StandaloneTest(base.CommandTest):
    def setUp(self) -> None:
        super().setUp()
        self.state_path = self.directory / 'state'

    def load(self, *arguments: str) -> cfg.ConfigOpts:
        with unittest.mock.patch('sys.argv', ['standalone', *arguments]):
            return standalone.load()


class LoadTest(StandaloneTest):
    def test_default_configuration_has_servers_and_a_pdu(self):
        conf = self.load('--state-path', str(self.state_path))

        wattmeters, errors = wattmeter.load(conf, 'agent')

        self.assertEqual([], errors)
        self.assertEqual(
            {'demo-bmc': 3, 'demo-pdu': 3},
            {meter.name: len(meter.probes) for meter in wattmeters},
        )
        (total,) = probe_sections.load(conf).sums
        self.assertEqual('storage-1', total.id)
        self.assertEqual({'pdu-outlet-1', 'pdu-outlet-2'}, total.parts)

    def test_configuration_file_replaces_dummy_probes(self):
        self.write('[wattmeter:own]\ndriver = dummy\nprobes = p\n')
        wattmeters, _ = wattmeter.load(
            self.load(
                '--state-path',
                str(self.state_path),
                '--config-file',
                str(self.directory / 'test.conf'),
            ),
            'agent',
        )
        self.assertEqual(['own'], [meter.name for meter in wattmeters])

    def test_configuration_directory_replaces_dummy_probes(self):
        self.write('[wattmeter:own]\ndriver = dummy\nprobes = p\n')

        conf = self.load(
            '--state-path',
            str(self.state_path),
            '--config-dir',
            str(self.directory),
        )

        wattmeters, _ = wattmeter.load(conf, 'agent')
        self.assertEqual(['own'], [meter.name for meter in wattmeters])

    def test_pages_show_the_energy_of_its_own_api(self):
        self.write(
            '[api]\nport = 1234\n'
            '[energy_api]\nauth_section = keystone_authtoken\n'
            'endpoint_override = http://192.0.2.1/\n'
        )

        conf = self.load(
            '--state-path',
            str(self.state_path),
            '--config-file',
            str(self.directory / 'test.conf'),
        )

        self.assertEqual('none', conf.energy_api.auth_type)
        self.assertIsNone(conf.energy_api.auth_section)
        self.assertEqual(
            'http://127.0.0.1:1234', conf.energy_api.endpoint_override
        )

    def test_configured_bus_and_database_are_ignored(self):
        self.write(
            '[DEFAULT]\ntransport_url = rabbit://u:p@host/\n'
            '[bus]\nsources = rabbit://u:p@other/\n'
            '[database]\nconnection = mysql+pymysql://u:p@host/db\n'
            '[api]\nauth_strategy = keystone\n'
        )
        conf = self.load(
            '--state-path',
            str(self.state_path),
            '--config-file',
            str(self.directory / 'test.conf'),
        )
        self.assertEqual(
            (
                'fake://',
                [],
                f'sqlite:///{self.state_path}/energy_meter.sqlite',
                'noauth',
            ),
            (
                conf.transport_url,
                conf.bus.sources,
                conf.database.connection,
                conf.api.auth_strategy,
            ),
        )

    def test_servers_listen_on_loopback(self):
        conf = self.load('--state-path', str(self.state_path))
        self.assertEqual(
            ('127.0.0.1', '127.0.0.1'),
            (conf.api.bind_host, conf.rrd.bind_host),
        )

    def test_default_state_path_is_in_xdg_data_home(self):
        self.useFixture(
            fixtures.EnvironmentVariable(
                'XDG_DATA_HOME', str(self.directory / 'xdg')
            )
        )
        self.assertEqual(
            str(self.directory / 'xdg/energy_meter'), self.load().state_path
        )

    def test_default_state_path_is_in_home_without_xdg_data_home(self):
        for name, value in (
            ('XDG_DATA_HOME', None),
            ('HOME', str(self.directory)),
        ):
            self.useFixture(fixtures.EnvironmentVariable(name, value))
        self.assertEqual(
            str(self.directory / '.local/share/energy_meter'),
            self.load().state_path,
        )


class MainTest(StandaloneTest):
    def setUp(self) -> None:
        super().setUp()
        self.addCleanup(os.umask, os.umask(0o022))
        self.run_services = self.useFixture(
            fixtures.MockPatchObject(standalone.service, 'run')
        ).mock

    def start(self) -> str:
        """Return what is printed once the services have started."""
        result = self.run_command(
            standalone.main, '--state-path', str(self.state_path)
        )
        # Nothing is served yet.
        self.assertEqual((0, '', ''), result)
        *_, on_started = self.run_services.call_args.args
        return self.run_command(on_started).output

    def test_urls_and_state_path_are_printed(self):
        self.write('[api]\nport = 18878\n')
        output = self.start()
        self.assertIn('Probes:  http://127.0.0.1:18878/v1/probes/\n', output)
        self.assertIn(f'Data:    {self.state_path}\n', output)

    def test_unusable_state_path_is_reported(self):
        self.state_path.write_text('')
        result = self.run_command(
            standalone.main, '--state-path', str(self.state_path)
        )
        self.assertEqual(1, result.code)
        self.assertEqual(
            f'energy-meter-standalone: {self.state_path}: File exists',
            result.error,
        )

    def test_ipv6_address_is_in_brackets(self):
        self.write('[api]\nbind_host = ::1\n')
        self.assertIn('http://[::1]:8878/v1/probes/', self.start())

    def test_missing_rrdtool_is_reported(self):
        self.useFixture(
            fixtures.MockPatchObject(
                standalone.rrd, 'is_installed', lambda: False
            )
        )
        self.assertIn('Graphs:  rrdtool is not installed', self.start())

    def test_data_is_not_accessible_to_other_users(self):
        self.start()

        for path in (
            self.state_path,
            self.state_path / 'energy_meter.sqlite',
        ):
            self.assertEqual(0, path.stat().st_mode & 0o027)

    def test_files_in_an_existing_directory_are_not_world_readable(self):
        self.state_path.mkdir(mode=0o755)
        database = self.state_path / 'energy_meter.sqlite'

        self.start()

        self.assertEqual(0o640, database.stat().st_mode & 0o777)

    def test_stricter_umask_is_kept(self):
        os.umask(0o077)

        self.start()

        self.assertEqual(0o700, self.state_path.stat().st_mode & 0o777)

    def test_database_is_created_and_secret_is_set(self):
        self.start()
        engine = sa.create_engine(
            f'sqlite:///{self.state_path}/energy_meter.sqlite'
        )
        self.addCleanup(engine.dispose)
        migration.check(engine)
        conf, *_ = self.run_services.call_args.args
        self.assertEqual(1, len(conf.bus.secrets))
