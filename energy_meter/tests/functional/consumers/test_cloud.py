# SPDX-License-Identifier: Apache-2.0

"""Tests for reading Gnocchi with the code of Watcher and CloudKitty."""

import datetime
import json
import pathlib
import time
import uuid

from oslotest import base as test_base

from energy_meter.tests.functional.consumers import cloud
from energy_meter.tests.functional.services import base
from energy_meter.tests.functional.services import keystone
from energy_meter.tests.functional.services import stack

HERE = pathlib.Path(__file__).parent
HOUR_S = 3600


class ConsumersTest(test_base.BaseTestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.cloud = cloud.Cloud()
        cls.addClassCleanup(cls.cloud.cleanUp)
        cls.cloud.setUp()

    def login(self, section):
        return base.shared(keystone.Keystone).login(section)

    def run_script(self, script, *arguments):
        output = base.run([stack.program('python'), HERE / script, *arguments])
        return json.loads(output.splitlines()[-1])

    def ask_watcher(self, *arguments):
        return self.run_script(
            'ask_watcher.py',
            self.cloud.configuration(
                self.login('watcher_clients_auth'),
                '[watcher_datasources]\ndatasources = gnocchi\n',
                f'[gnocchi_client]\nregion_name = {keystone.REGION}\n',
            ),
            *arguments,
        )

    def ask_cloudkitty(self, start, price):
        file = self.cloud.configuration(
            f'[collect]\nmetrics_conf = {cloud.ETC}/cloudkitty/metrics.yml',
            self.login('collector_gnocchi'),
            self.login('fetcher_gnocchi') + 'resource_types = energy_probe',
            '[database]',
            f'connection = sqlite:///{self.create_tempfiles([("db", "")])[0]}',
        )
        begin = datetime.datetime.fromtimestamp(start, datetime.UTC)
        return self.run_script(
            'ask_cloudkitty.py', file, begin.isoformat(), '1', price
        )

    def test_watcher_reads_power_of_hypervisor(self):
        name = 'host-node-41.example.org'

        self.cloud.api.meter(
            'node-41', time.time(), kwh=1.0, watts=173.0, elapsed=60.0
        )

        self.cloud.wait_for_measure(
            f'{name}_{name}',
            'ipmi',
            'hardware.ipmi.node.power',
            'mean',
            300.0,
            173.0,
        )
        self.assertEqual(173.0, self.ask_watcher(name, '600', '300'))
        self.assertIsNone(self.ask_watcher('node-42', '600', '300'))

    def test_cloudkitty_rates_energy_of_one_hour(self):
        now = time.time()
        start = now // HOUR_S * HOUR_S
        payer, other = uuid.uuid4().hex, uuid.uuid4().hex
        self.cloud.charge(paid=payer, others=other)

        # Two measurements, because energy is rated from the first poll on.
        for timestamp, kwh in (start - 60, 10.0), (now, 10.5):
            for probe in 'paid', 'others', 'unpaid':
                self.cloud.api.meter(
                    probe,
                    timestamp,
                    kwh,
                    watts=500.0,
                    elapsed=timestamp - start + HOUR_S,
                )
            for probe in 'paid', 'others', 'unpaid':
                self.cloud.wait_for_measure(
                    probe, 'energy_probe', 'energy', 'last', 60.0, kwh
                )
        rated = self.ask_cloudkitty(start, '0.25')

        points = {
            project: [
                (
                    point['groupby']['original_resource_id'],
                    float(point['quantity']),
                    point['unit'],
                    point['price'],
                )
                for point in rated.get(project, ())
            ]
            for project in (payer, other)
        }
        self.assertEqual(
            {
                payer: [('paid', 0.5, 'kWh', 0.125)],
                other: [('others', 0.5, 'kWh', 0.125)],
            },
            points,
        )
        self.assertNotIn('"unpaid"', json.dumps(rated))
        self.assertEqual(
            {
                'scope': 'node',
                'host': 'host-paid',
                'wattmeter': 'meter',
                'project_id': payer,
            },
            {
                name: rated[payer][0]['groupby'][name]
                for name in ('scope', 'host', 'wattmeter', 'project_id')
            },
        )
