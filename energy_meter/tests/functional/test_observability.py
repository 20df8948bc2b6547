# SPDX-License-Identifier: Apache-2.0

"""Metrics, reports and logged configuration of services."""

import re
import signal
import urllib.request

import fixtures
from oslotest import base as test_base
from prometheus_client import parser

from energy_meter.tests.functional.services import base
from energy_meter.tests.functional.services import commands
from energy_meter.tests.functional.services import rabbitmq

PASSWORD = 'hunter2'


class ObservabilityTest(test_base.BaseTestCase):
    def setUp(self) -> None:
        super().setUp()
        directory = self.useFixture(fixtures.TempDir(base.TEMPORARY)).path
        self.configuration = commands.Configuration(
            directory,
            metrics={'port': 0},
            DEFAULT={
                'transport_url': base.shared(rabbitmq.RabbitMQ).add_vhost()
            },
            database={'connection': f'sqlite:///{directory}/db.sqlite'},
        )
        self.configuration.add_dummy('desk', 'desk-1')
        self.configuration.set(
            'wattmeter:away',
            driver='http_json',
            probes='away-1',
            url=f'http://127.0.0.1:{base.free_port()}/',
            watts_path='$.watts',
            username='reader',
            password=PASSWORD,
        )
        self.configuration.run('energy-meter-manage', 'db', 'sync')

    def read(self, command: commands.Command) -> dict[tuple[str, str], float]:
        """Return the metrics of a service.

        :returns: values by name and value of the label wattmeter.
        """
        (port,) = re.findall(r'Serving metrics on .*:(\d+)', command.output())
        with urllib.request.urlopen(
            f'http://127.0.0.1:{port}/metrics', timeout=20
        ) as response:
            text = response.read().decode()
        return {
            (
                sample.name.removeprefix('energy_meter_'),
                sample.labels.get('wattmeter', ''),
            ): sample.value
            for family in parser.text_string_to_metric_families(text)
            for sample in family.samples
        }

    def test_agent_exports_health_of_wattmeters(self):
        agent = self.useFixture(commands.agent(self.configuration))

        base.wait_for(
            lambda: (
                self.read(agent).get(('messages_published_total', ''), 0) > 1
                and self.read(agent)['wattmeter_restarts_total', 'away'] > 1
            ),
            60,
            'failures and messages are counted',
        )

        samples = self.read(agent)

        self.assertEqual(1, samples['wattmeter_up', 'desk'])
        self.assertEqual(0, samples['wattmeter_up', 'away'])
        self.assertIn(
            ('wattmeter_failure_start_timestamp_seconds', 'away'), samples
        )
        self.assertIn(('backlog_measurements', ''), samples)
        self.assertGreater(samples['batch_duration_seconds_count', ''], 0)

    def test_collector_exports_duration_of_batches(self):
        collector = self.useFixture(commands.collector(self.configuration))
        self.useFixture(commands.agent(self.configuration))

        base.wait_for(
            lambda: (
                self.read(collector)['batch_duration_seconds_count', ''] > 0
            ),
            60,
            'a batch is counted',
        )

    def test_report_contains_metrics_but_no_secrets(self):
        self.configuration.set('DEFAULT', debug=True)
        agent = self.useFixture(commands.agent(self.configuration))
        base.wait_for(
            lambda: 'Wattmeter away cannot be read' in agent.output(),
            60,
            'the wattmeter fails',
        )

        agent.signal(signal.SIGUSR2)

        base.wait_for(
            lambda: (
                'Effective configuration' in agent.output()
                and 'wattmeter:desk'
                in agent.output().rpartition('Effective configuration')[2]
            ),
            60,
            'the report',
        )
        for text in (PASSWORD, commands.SECRET, 'guest:guest'):
            self.assertNotIn(text, agent.output())
        for text in (
            'energy_meter_wattmeter_up{service="agent",wattmeter="away"} 0.0',
            'energy-meter-agent',
            'publish_interval = 0.2',
            'transport_url = ***',
        ):
            self.assertIn(text, agent.output())
        # The service keeps running.
        self.assertIn(('wattmeter_up', 'desk'), self.read(agent))

    def test_configuration_is_logged_without_secrets(self):
        self.configuration.set('DEFAULT', debug=True)
        collector = self.useFixture(commands.collector(self.configuration))

        base.wait_for(
            lambda: re.search(r'database\.connection +=', collector.output()),
            30,
            'the log',
        )

        for name in (
            'transport_url',
            r'database\.connection',
            r'bus\.secrets',
        ):
            self.assertRegex(collector.output(), name + r' +=\s+\*\*\*\*')
        self.assertNotIn(commands.SECRET, collector.output())

    def test_second_service_on_same_port_does_not_start(self):
        self.configuration.set('metrics', port=base.free_port())
        self.useFixture(commands.agent(self.configuration))
        second = commands.collector(self.configuration)

        error = self.assertRaises(AssertionError, self.use, second)

        self.assertIn('exited with status 1', str(error))
        self.assertIn('[metrics] bind_host, port: cannot listen', str(error))

    def use(self, command: commands.Command) -> None:
        """Start a service that is expected to end."""
        try:
            self.useFixture(command)
        except fixtures.MultipleExceptions as failures:
            raise failures.args[0][1]
