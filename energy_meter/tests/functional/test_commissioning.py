# SPDX-License-Identifier: Apache-2.0

"""Commissioning a rack: patterns, single readings, hosts on two outlets."""

import json
import subprocess
import typing

import fixtures
from oslotest import base as test_base
import requests

from energy_meter.tests.functional.services import base
from energy_meter.tests.functional.services import commands
from energy_meter.tests.functional.services import rabbitmq
from energy_meter.tests.functional.services import snmpd

EATON = '1.3.6.1.4.1.534.6.6.7.6'


def outlets(*watts: int) -> dict[str, snmpd.Value]:
    """Return the SNMP objects of an Eaton ePDU."""
    objects: dict[str, snmpd.Value] = {}
    for number, power in enumerate(watts, 1):
        objects[f'{EATON}.5.1.3.0.{number}'] = power
        objects[f'{EATON}.5.1.4.0.{number}'] = snmpd.Gauge(1000)
        objects[f'{EATON}.1.1.3.0.{number}'] = f'Server {number}'
    return objects


class CommissioningTest(test_base.BaseTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.configuration = commands.Configuration(
            self.useFixture(fixtures.TempDir(base.TEMPORARY)).path
        )

    def add_pdu(self, name: str, *watts: int, probes: str) -> None:
        pdu = self.useFixture(snmpd.Snmpd(outlets(*watts)))
        self.configuration.set(
            f'wattmeter:{name}',
            driver='snmp',
            probes=probes,
            interval=0.5,
            host='127.0.0.1',
            port=pdu.port,
            profile='eaton-g3',
            community=snmpd.READ_COMMUNITY,
        )

    def once(self, *arguments: str) -> tuple[int, dict[str, typing.Any]]:
        """Read once, and return the exit code and the results by probe."""
        process = subprocess.run(
            [
                commands.script('energy-meter-agent'),
                '--config-file',
                self.configuration.path,
                '--once',
                '--format',
                'json',
                *arguments,
            ],
            capture_output=True,
            timeout=60,
            check=False,
        )
        return process.returncode, {
            result['probe']: result for result in json.loads(process.stdout)
        }

    def test_pattern_names_a_probe_for_each_channel(self):
        self.add_pdu('pdu', 101, 102, probes='{host}-{channel} ({name})')
        code, results = self.once()
        self.assertEqual(
            {
                '127.0.0.1-0.1 (Server 1)': 101.0,
                '127.0.0.1-0.2 (Server 2)': 102.0,
            },
            {probe: result['w'] for probe, result in results.items()},
        )
        self.assertEqual(0, code)

    def test_one_failure_does_not_hide_the_other_readings(self):
        self.configuration.add_dummy('good', 'good-1', max_watts=75)
        self.configuration.set(
            'wattmeter:bad',
            driver='ipmi',
            probes='bad-1',
            timeout=1,
            host='127.0.0.1',
            port=base.free_port(),
            username='u',
            password='p',
        )
        code, results = self.once()
        self.assertEqual(75.0, results['good-1']['w'])
        self.assertIn('did not answer', results['-']['error'])
        self.assertEqual(1, code)

    def test_only_named_wattmeters_are_read(self):
        self.configuration.add_dummy('one', 'one-1')
        self.configuration.add_dummy('two', 'two-1')
        self.assertEqual({'one-1'}, self.once('one')[1].keys())

    def test_host_on_two_outlets_has_the_sum_of_both(self):
        database = f'sqlite:///{self.configuration.directory}/db.sqlite'
        port = base.free_port()
        self.configuration.set(
            'DEFAULT', transport_url=base.shared(rabbitmq.RabbitMQ).add_vhost()
        )
        self.configuration.set('database', connection=database)
        self.configuration.set('api', port=port)
        self.add_pdu('pdu-a', 100, 1, probes='pdu-a-{channel}')
        self.add_pdu('pdu-b', 50, 2, probes='pdu-b-{channel}')
        self.configuration.set(
            'probe:node-7', sum='pdu-a-0.1, pdu-b-0.1', project_id='payer'
        )
        self.configuration.run('energy-meter-manage', 'db', 'sync')
        for part in (commands.agent, commands.collector):
            self.useFixture(part(self.configuration))
        self.useFixture(
            commands.Command(
                self.configuration, 'energy-meter-api', 'Serving the API'
            )
        )

        def read(probe: str) -> dict[str, typing.Any]:
            response = requests.get(
                f'http://127.0.0.1:{port}/v1/probes/{probe}', timeout=10
            )
            return response.json().get(probe, {})

        base.wait_for(
            lambda: read('node-7').get('w') == 150.0,
            30,
            'the sum of both outlets is 150 W',
        )
        self.assertEqual(['pdu-a-0.1', 'pdu-b-0.1'], read('node-7')['parts'])
        self.assertEqual('node', read('node-7')['scope'])
        self.assertEqual(
            ['payer', None],
            [read(probe)['project_id'] for probe in ('node-7', 'pdu-a-0.1')],
        )
