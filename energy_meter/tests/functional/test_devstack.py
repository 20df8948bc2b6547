# SPDX-License-Identifier: Apache-2.0

"""The services run with the files that the DevStack plugin writes."""

import pathlib
import sys
import typing

import fixtures
from oslotest import base as test_base
import requests
import testscenarios

from energy_meter.tests.devstack import stand_in
from energy_meter.tests.functional.services import base
from energy_meter.tests.functional.services import commands
from energy_meter.tests.functional.services import mariadb
from energy_meter.tests.functional.services import postgresql
from energy_meter.tests.functional.services import rabbitmq

BIN_DIR = str(pathlib.Path(commands.script('energy-meter-agent')).parent)


class CloudTest(test_base.BaseTestCase):
    """A complete DevStack whose processes the test starts itself."""

    def setUp(self) -> None:
        super().setUp()
        broker = base.shared(rabbitmq.RabbitMQ)
        self.machine = self.useFixture(
            stand_in.DevStack(BIN_DIR=BIN_DIR, TRANSPORT_URL=broker.url)
        )

    def serve(self, service: str, *arguments: str, port: int = 0) -> None:
        self.useFixture(
            base.Process(
                [*self.machine.command(service), *arguments],
                ready=lambda: not port or base.listening(port),
            )
        )

    def test_services_of_devstack_meter_the_dummy_probes(self):
        pages, api = base.free_port(), base.free_port()
        self.machine.run('stack', 'pre-install', 'install', 'post-config')
        # As [[post-config|$ENERGY_METER_CONF]] of local.conf does.
        with self.machine.configuration_path.open('a') as stream:
            stream.write(f'[rrd]\nport = {pages}\n')
        checked = self.machine.run('stack', 'extra')

        self.serve('energy-collector')
        self.serve('energy-rrd', port=pages)
        self.serve('energy-agent')
        self.serve(
            'energy-api',
            '--http',
            f'127.0.0.1:{api}',
            '--virtualenv',
            sys.prefix,
            port=api,
        )

        self.assertIn(
            '1 wattmeter with 2 probes can be read, 0 errors', checked
        )
        database = self.machine.root / (
            'opt/stack/data/energy_meter/energy_meter.sqlite'
        )
        base.wait_for(
            lambda: all(
                commands.energy(f'sqlite:///{database}').get(probe)
                for probe in ('devstack-1', 'devstack-2')
            ),
            60,
            'both probes to have energy',
        )
        self.assertEqual(200, self.status(pages, '/'))
        # The stand-in's Keystone does not answer.
        self.assertEqual(503, self.status(pages, '/energy/day/'))
        self.assertEqual(200, self.status(api, '/healthcheck'))
        self.assertEqual(401, self.status(api, '/v1/probes/'))

    @staticmethod
    def status(port: int, path: str) -> int:
        return requests.get(
            f'http://127.0.0.1:{port}{path}', timeout=30
        ).status_code


class WattmetersTest(test_base.BaseTestCase):
    def test_invalid_wattmeter_fails_stack_sh(self):
        directory = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        (directory / 'rack1.conf').write_text(
            '[wattmeter:rack1]\ndriver = voltcraft\nprobes = node-1\n'
        )
        machine = self.useFixture(
            stand_in.DevStack(
                BIN_DIR=BIN_DIR, ENERGY_METER_WATTMETERS=str(directory)
            )
        )

        error = self.assertRaises(AssertionError, machine.stack)

        self.assertIn('voltcraft', str(error))
        self.assertFalse((machine.root / 'etc/systemd/energy-agent').exists())


class DatabaseTest(testscenarios.WithScenarios, test_base.BaseTestCase):
    """The database URL that the plugin derives from DevStack's."""

    # Character set of DevStack's MariaDB databases.
    scenarios: typing.ClassVar = [
        (
            'postgresql',
            {
                'server': postgresql.PostgreSQL,
                'service': 'postgresql',
                'scheme': 'postgresql',
                'options': '',
            },
        ),
        (
            'mariadb',
            {
                'server': mariadb.MariaDB,
                'service': 'mysql',
                'scheme': 'mysql+pymysql',
                'options': 'CHARACTER SET utf8',
            },
        ),
    ]

    def test_schema_is_created(self):
        server = base.shared(self.server)
        server.execute('DROP DATABASE IF EXISTS energy_meter')
        server.execute(f'CREATE DATABASE energy_meter {self.options}')
        user = server.database_url('').partition('://')[2].rstrip('/')
        machine = self.useFixture(
            stand_in.DevStack(
                f'key,rabbit,{self.service}',
                BIN_DIR=BIN_DIR,
                MYSQL_SERVICE_NAME='mariadb',
                BASE_SQL_CONN=f'{self.scheme}://{user}',
            )
        )

        machine.stack()

        self.assertEqual(
            {}, commands.energy(server.database_url('energy_meter'))
        )
