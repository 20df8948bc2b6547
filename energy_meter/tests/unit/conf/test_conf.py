# SPDX-License-Identifier: Apache-2.0

"""Configuration files as operators write them."""

import errno
import pathlib
import textwrap

import fixtures
from oslo_config import cfg
from oslotest import base

from energy_meter import conf as energy_meter_conf
from energy_meter import exception
from energy_meter.agent import wattmeter
from energy_meter.conf import bus

#: A configuration that every release must accept.
EXAMPLE = """
[DEFAULT]
transport_url = rabbit://guest:guest@127.0.0.1:5672/
state_path = /var/lib/energy_meter
[database]
connection = sqlite:////var/lib/energy_meter/energy_meter.sqlite
[bus]
secrets = current-secret, previous-secret
[agent]
publish_interval = 1.0
max_gap = 60
[wattmeter:desk]
driver = dummy
probes = desk-1, desk-2
interval = 1.0
waveform = sine
min_watts = 75
max_watts = 125
period = 60
[wattmeter:rack1-bmc41]
driver = ipmi
probes = node-41.domain.tld
host = 127.0.0.1
port = 9001
username = admin
password = secret
[api]
bind_host = 127.0.0.1
port = 8878
auth_strategy = keystone
probe_ttl = 300
[collector]
flush_interval = 1.0
settle_interval = 5
"""


class ConfTest(base.BaseTestCase):
    def load(self, text: str = '') -> cfg.ConfigOpts:
        [file] = self.create_tempfiles([('energy_meter', text)])
        return energy_meter_conf.load(['--config-file', file], 'test')


class ExampleTest(ConfTest):
    def setUp(self) -> None:
        super().setUp()
        self.conf = self.load(EXAMPLE)

    def test_wattmeters_are_loaded(self):
        wattmeters, errors = wattmeter.load(self.conf, 'agent')
        self.assertEqual([], [str(error) for error in errors])
        self.assertEqual(
            {
                'desk': ['desk-1', 'desk-2'],
                'rack1-bmc41': ['node-41.domain.tld'],
            },
            {
                each.name: [settings.probe.id for settings in each.probes]
                for each in wattmeters
            },
        )

    def test_options_have_the_values_of_the_file(self):
        conf = self.conf
        self.assertEqual(
            'rabbit://guest:guest@127.0.0.1:5672/', conf.transport_url
        )
        self.assertEqual('/var/lib/energy_meter', conf.state_path)
        self.assertEqual(
            'sqlite:////var/lib/energy_meter/energy_meter.sqlite',
            conf.database.connection,
        )
        self.assertEqual(
            ['current-secret', 'previous-secret'], conf.bus.secrets
        )
        self.assertEqual(
            (1.0, 60.0), (conf.agent.publish_interval, conf.agent.max_gap)
        )
        self.assertEqual(
            ('127.0.0.1', 8878, 'keystone', 300.0),
            (
                conf.api.bind_host,
                conf.api.port,
                conf.api.auth_strategy,
                conf.api.probe_ttl,
            ),
        )
        self.assertEqual(
            (1.0, 5.0),
            (
                conf.collector.flush_interval,
                conf.collector.settle_interval,
            ),
        )


class DefaultsTest(ConfTest):
    def test_queues_are_replicated_and_prefetch_is_bounded(self):
        rabbit = self.load().oslo_messaging_rabbit
        self.assertTrue(rabbit.rabbit_quorum_queue)
        self.assertEqual(1000, rabbit.rabbit_qos_prefetch_count)

    def test_connections_recover_quickly_after_an_outage(self):
        rabbit = self.load().oslo_messaging_rabbit
        self.assertEqual(
            (2, 1), (rabbit.rabbit_interval_max, rabbit.rabbit_retry_backoff)
        )

    def test_heartbeat_timeout_is_short(self):
        rabbit = self.load().oslo_messaging_rabbit
        self.assertEqual(20, rabbit.heartbeat_timeout_threshold)

    def test_exchange_is_named_after_the_project(self):
        self.assertEqual('energy_meter', self.load().control_exchange)

    def test_log_goes_to_standard_error(self):
        self.assertTrue(self.load().use_stderr)

    def test_log_goes_only_to_the_configured_file(self):
        conf = self.load('[DEFAULT]\nlog_file = /dev/null\n')
        self.assertFalse(conf.use_stderr)

    def test_secrets_have_no_default(self):
        self.assertEqual([], self.load().bus.secrets)

    def test_file_overrides_defaults(self):
        conf = self.load(
            '[DEFAULT]\nuse_stderr = false\n'
            '[oslo_messaging_rabbit]\n'
            'rabbit_quorum_queue = false\n'
        )
        self.assertFalse(conf.use_stderr)
        self.assertFalse(conf.oslo_messaging_rabbit.rabbit_quorum_queue)


class ErrorTest(ConfTest):
    def error(self, text: str) -> str:
        return str(
            self.assertRaises(
                exception.ConfigurationError, self.load, textwrap.dedent(text)
            )
        )

    def test_error_names_option_file_line_and_section(self):
        self.assertRegex(
            self.error('[agent]\npublish_interval = often\n'),
            r'^/\S+:2: \[agent\] publish_interval: expected a '
            "number, but found 'often'$",
        )
        self.assertIn(
            "port: expected an integer, but found 'http'",
            self.error('[api]\nport = http\n'),
        )

    def test_option_of_a_library_is_not_checked(self):
        self.load('[keystone_authtoken]\nwww_authenticate_uri = http://k/\n')

    def test_number_that_is_not_finite_is_rejected(self):
        for value in ('nan', 'inf'):
            self.assertIn(
                'expected a finite number',
                self.error(f'[agent]\npublish_interval = {value}\n'),
            )

    def test_missing_file_is_an_error(self):
        self.assertRaises(
            cfg.ConfigFilesNotFoundError,
            energy_meter_conf.load,
            ['--config-file', '/nonexistent/file'],
            'test',
        )

    def test_binary_file_is_an_error(self):
        [file] = self.create_tempfiles([('binary', b'[a]\nb = \xff\n')])
        self.assertRaises(
            cfg.ConfigFileParseError,
            energy_meter_conf.load,
            ['--config-file', file],
            'test',
        )


class DirectoryTest(ConfTest):
    def directory(self) -> pathlib.Path:
        return pathlib.Path(self.useFixture(fixtures.TempDir()).path)

    def load_from(self, *directories: pathlib.Path) -> cfg.ConfigOpts:
        return energy_meter_conf.load(
            [f'--config-dir={directory}' for directory in directories], 'test'
        )

    def test_missing_directory_is_an_error(self):
        self.assertRaises(
            cfg.ConfigDirNotFoundError,
            self.load_from,
            self.directory() / 'missing',
        )

    def test_directory_that_cannot_be_listed_is_an_error(self):
        directory = self.directory()
        denied = OSError(errno.EACCES, 'Permission denied')
        with fixtures.MockPatch('os.listdir', side_effect=denied):
            error = self.assertRaises(
                exception.ConfigurationUnreadable, self.load_from, directory
            )

        self.assertEqual(
            f'cannot read the configuration directory {directory}: '
            'Permission denied',
            str(error),
        )

    def test_file_instead_of_a_directory_is_an_error(self):
        file = self.directory() / 'file'
        file.write_text('')

        self.assertRaises(
            exception.ConfigurationUnreadable, self.load_from, file
        )

    def test_wattmeters_of_all_directories_are_read(self):
        directories = [self.directory(), self.directory()]
        for directory, name in zip(directories, 'ab', strict=True):
            (directory / 'rack.conf').write_text(
                f'[wattmeter:{name}]\ndriver = dummy\nprobes = {name}\n'
            )

        wattmeters, _ = wattmeter.load(self.load_from(*directories), 'agent')

        self.assertEqual(['a', 'b'], [meter.name for meter in wattmeters])


class ListingTest(base.BaseTestCase):
    def test_options_of_all_areas_are_listed(self):
        self.assertEqual(
            {
                'DEFAULT',
                'agent',
                'api',
                'bus',
                'collector',
                'energy_api',
                'forwarder',
                'metrics',
                'rrd',
                'agent:<name>',
                'wattmeter:<name>',
                'probe:<id>',
            },
            {group for group, _ in energy_meter_conf.list_opts()},
        )

    def test_every_option_has_a_help_text(self):
        self.assertEqual(
            [],
            [
                f'[{group}] {opt.name}'
                for group, opts in energy_meter_conf.list_opts()
                for opt in opts
                if not opt.help
            ],
        )

    def test_secret_options_are_marked(self):
        secret = {opt.name for opt in bus.OPTS if opt.secret}
        self.assertEqual({'sources', 'secrets', 'management_url'}, secret)
