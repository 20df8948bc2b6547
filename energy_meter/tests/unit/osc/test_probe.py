# SPDX-License-Identifier: Apache-2.0

"""Listing and showing probes."""

import csv
import io
import json
import logging

import fixtures

from energy_meter.tests.unit import api_stub
from energy_meter.tests.unit.osc import base


class ListTest(base.CommandTestCase):
    def setUp(self):
        super().setUp()
        self.api.show(
            b={'w': 20.0, 'host': 'n2', 'wattmeter': 'bmc'},
            a={'w': 1234.5678, 'host': 'n1', 'kwh': 2.0000004},
            c={'w': None, 'host': 'n2', 'scope': 'outlet'},
        )

    def ids(self, *words):
        return [row['ID'] for row in self.read('probe', 'list', *words)]

    def test_programs_get_plain_numbers(self):
        first = self.read('probe', 'list')[0]

        self.assertEqual(
            {
                'ID': 'a',
                'Host': 'n1',
                'Scope': 'node',
                'Power (W)': 1234.5678,
                'Energy (kWh)': 2.0000004,
            },
            first,
        )

    def test_people_get_rounded_numbers(self):
        self.assertEqual(0, self.run_command('probe', 'list'))

        self.assertIn(
            '| a  | n1   | node   | 1234.6    | 2.000        |',
            self.stdout.getvalue(),
        )

    def test_other_formats(self):
        self.assertEqual(0, self.run_command('probe', 'list', '-f', 'csv'))

        rows = list(csv.DictReader(io.StringIO(self.stdout.getvalue())))
        self.assertEqual(
            ['1234.5678', '20.0', ''], [row['Power (W)'] for row in rows]
        )

    def test_unknown_power_is_null(self):
        self.assertIsNone(self.read('probe', 'list')[2]['Power (W)'])

    def test_all_that_is_known(self):
        row = self.read('probe', 'list', '--long')[1]

        self.assertEqual(
            {
                'ID': 'b',
                'Host': 'n2',
                'Scope': 'node',
                'Power (W)': 20.0,
                'Energy (kWh)': 1.25,
                'Wattmeter': 'bmc',
                'Coverage': 0.9998,
                'Measured At': '2023-11-14T22:13:20+00:00',
                'Project ID': None,
            },
            row,
        )

    def test_one_host(self):
        self.assertEqual(['b', 'c'], self.ids('--host', 'n2'))

    def test_several_hosts_of_one_scope(self):
        self.assertEqual(
            ['a', 'b'],
            self.ids('--host', 'n1', '--host', 'n2', '--scope', 'node'),
        )

    def test_one_wattmeter(self):
        self.assertEqual(['b'], self.ids('--wattmeter', 'bmc'))

    def test_a_host_without_probes(self):
        self.assertEqual([], self.ids('--host', 'n3'))

    def test_sorted_by_power(self):
        for order, ids in (
            ('--sort-ascending', ['b', 'a', 'c']),
            ('--sort-descending', ['c', 'a', 'b']),
        ):
            self.assertEqual(
                ids, self.ids('--sort-column', 'Power (W)', order)
            )

    def test_sorted_by_id_unless_asked_otherwise(self):
        self.assertEqual(['a', 'b', 'c'], self.ids())


class ShowTest(base.CommandTestCase):
    def setUp(self):
        super().setUp()
        self.api.answers['/v1/probes/pdu%201%2F7/'] = (
            200,
            json.dumps({'pdu 1/7': api_stub.PROBE}).encode(),
        )

    def test_all_that_is_known(self):
        self.assertEqual(
            {
                'id': 'pdu 1/7',
                'host': 'node-41',
                'scope': 'node',
                'wattmeter': 'rack1-bmc41',
                'power_w': 173.0,
                'energy_kwh': 1.25,
                'coverage': 0.9998,
                'measured_at': '2023-11-14T22:13:20+00:00',
                'project_id': None,
            },
            self.read('probe', 'show', 'pdu 1/7'),
        )

    def test_people_get_rounded_numbers(self):
        self.assertEqual(0, self.run_command('probe', 'show', 'pdu 1/7'))

        for text in '99.98%', '173.0', '1.250':
            self.assertIn(f' {text} ', self.stdout.getvalue())


class VersionTest(base.CommandTestCase):
    def test_of_the_api_and_of_the_client(self):
        self.api.answers['/'] = (
            200,
            json.dumps(
                {'versions': [{'id': 'v1.0', 'status': 'CURRENT'}]}
            ).encode(),
        )

        versions = self.read('version')

        self.assertEqual('v1.0', versions['api'])
        self.assertEqual({'api', 'client'}, versions.keys())


class ErrorsTest(base.CommandTestCase):
    def setUp(self):
        super().setUp()
        self.log = self.useFixture(fixtures.FakeLogger(level=logging.ERROR))

    def assert_fails(self, text, *words):
        self.assertEqual(1, self.run_command(*words))
        self.assertIn(text, self.log.output)
        self.assertEqual('', self.stdout.getvalue())

    def test_an_unknown_probe(self):
        self.assert_fails('no probe desk', 'probe', 'show', 'desk')

    def test_forbidden(self):
        self.api.answers['/v1/probes/'] = 403, b'{}'

        for command in 'list', 'watch':
            self.assert_fails('/v1/probes/: 403 Forbidden', 'probe', command)

    def test_no_api(self):
        self.api.stop()

        self.assert_fails('Unable to establish connection', 'version')
