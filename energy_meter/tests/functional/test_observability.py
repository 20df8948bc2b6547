# SPDX-License-Identifier: Apache-2.0

"""What services tell about themselves."""

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
        """Read the metrics of a service.

        :returns: values by name and the labels' values, without the
            service's.
        """
        (port,) = re.findall(
            r'Metrics are shown on .*, port (\d+)', command.output()
        )
        with urllib.request.urlopen(
            f'http://127.0.0.1:{port}/metrics', timeout=20
        ) as answer:
            text = answer.read().decode()
        return {
            (
                sample.name.removeprefix('energy_meter_'),
                sample.labels.get('wattmeter', ''),
            ): sample.value
            for family in parser.text_string_to_metric_families(text)
            for sample in family.samples
        }

    def test_an_agent_tells_how_its_wattmeters_fare(self):
        agent = self.useFixture(commands.agent(self.configuration))

        base.wait_for(
            lambda: (
                self.read(agent).get(('messages_total', ''), 0) > 1
                and self.read(agent)['wattmeter_restarts_total', 'away'] > 1
            ),
            60,
            'failures and messages are counted',
        )

        found = self.read(agent)

        self.assertEqual(1, found['wattmeter_up', 'desk'])
        self.assertEqual(0, found['wattmeter_up', 'away'])
        self.assertIn(('wattmeter_failing_since_seconds', 'away'), found)
        self.assertIn(('backlog_measurements', ''), found)
        self.assertGreater(found['flush_seconds_count', ''], 0)

    def test_a_collector_tells_how_long_writing_takes(self):
        collector = self.useFixture(commands.collector(self.configuration))
        self.useFixture(commands.agent(self.configuration))

        base.wait_for(
            lambda: self.read(collector)['flush_seconds_count', ''] > 0,
            60,
            'a batch is counted',
        )

    def test_the_report_has_the_metrics_and_no_secrets(self):
        self.configuration.set('DEFAULT', debug=True)
        agent = self.useFixture(commands.agent(self.configuration))
        base.wait_for(
            lambda: 'Wattmeter away can not be read' in agent.output(),
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
        # It goes on as before.
        self.assertIn(('wattmeter_up', 'desk'), self.read(agent))

    def test_the_configuration_is_logged_without_secrets(self):
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

    def test_two_services_do_not_share_a_port(self):
        self.configuration.set('metrics', port=base.free_port())
        self.useFixture(commands.agent(self.configuration))
        second = commands.collector(self.configuration)

        error = self.assertRaises(AssertionError, self.use, second)

        self.assertIn('ended with status 1', str(error))
        self.assertIn('[metrics] host, port: can not listen', str(error))

    def use(self, command: commands.Command) -> None:
        """Start a service that is expected to end."""
        try:
            self.useFixture(command)
        except fixtures.MultipleExceptions as failures:
            raise failures.args[0][1]
