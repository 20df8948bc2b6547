# SPDX-License-Identifier: Apache-2.0

"""--check --connect with real RabbitMQ and Keystone servers."""

import os
import pathlib

import fixtures
from oslotest import base as test_base

from energy_meter.tests.functional.services import api
from energy_meter.tests.functional.services import base
from energy_meter.tests.functional.services import commands
from energy_meter.tests.functional.services import keystone
from energy_meter.tests.functional.services import rabbitmq

CHECK = ('--check', '--connect')


class ConnectTest(test_base.BaseTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.directory = pathlib.Path(
            self.useFixture(fixtures.TempDir(base.TEMPORARY)).path
        )

    def test_agent_and_collector_connect_to_their_servers(self):
        url = base.shared(rabbitmq.RabbitMQ).add_vhost()
        configuration = commands.Configuration(
            self.directory,
            DEFAULT={'transport_url': url},
            database={'connection': f'sqlite:///{self.directory}/db'},
        )
        configuration.add_dummy('desk', 'desk-1')
        configuration.run('energy-meter-manage', 'db', 'sync')

        agent = configuration.run('energy-meter-agent', *CHECK)
        collector = configuration.run('energy-meter-collector', *CHECK)

        self.assertRegex(
            agent,
            'Valid: 1 wattmeter with 1 probe can be read, 0 errors, '
            '0 warnings\nBroker: Connected to rabbit://[^@]+\\.\n$',
        )
        self.assertRegex(
            collector,
            'Valid: 0 errors, 0 warnings\n'
            'Broker: Connected to rabbit://[^@]+\\.\n'
            'Database: Connected\\.\n$',
        )

    def test_api_logs_in_to_keystone_before_it_is_started(self):
        server = self.useFixture(
            api.API(
                base.shared(keystone.Keystone),
                f'sqlite:///{self.directory}/db',
            )
        )
        server.stop()

        output = base.run([*map(os.fspath, server.argv), *CHECK])

        self.assertIn(
            'Valid: 0 errors, 0 warnings\n'
            'Database: Connected.\n'
            'Keystone: Logged in.\n',
            output,
        )
