# SPDX-License-Identifier: Apache-2.0

"""Tests for the commands that show probes and versions."""

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

    def ids(self, *arguments):
        return [row['ID'] for row in self.read('probe', 'list', *arguments)]

    def test_json_numbers_are_not_rounded(self):
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

    def test_table_numbers_are_rounded(self):
        self.assertEqual(0, self.run_command('probe', 'list'))

        self.assertIn(
            '| a  | n1   | node   | 1234.6    | 2.000        |',
            self.stdout.getvalue(),
        )

    def test_csv_numbers_are_not_rounded(self):
        self.assertEqual(0, self.run_command('probe', 'list', '-f', 'csv'))

        rows = list(csv.DictReader(io.StringIO(self.stdout.getvalue())))
        self.assertEqual(
            ['1234.5678', '20.0', ''], [row['Power (W)'] for row in rows]
        )

    def test_unknown_power_is_null(self):
        self.assertIsNone(self.read('probe', 'list')[2]['Power (W)'])

    def test_long_lists_all_fields(self):
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
                'Timestamp': '2023-11-14T22:13:20+00:00',
                'Project ID': None,
            },
            row,
        )

    def test_filter_by_host(self):
        self.assertEqual(['b', 'c'], self.ids('--host', 'n2'))

    def test_filter_by_several_hosts_and_scope(self):
        self.assertEqual(
            ['a', 'b'],
            self.ids('--host', 'n1', '--host', 'n2', '--scope', 'node'),
        )

    def test_filter_by_wattmeter(self):
        self.assertEqual(['b'], self.ids('--wattmeter', 'bmc'))

    def test_filter_without_match_is_empty(self):
        self.assertEqual([], self.ids('--host', 'n3'))

    def test_unknown_power_sorts_last(self):
        for order, ids in (
            ('--sort-ascending', ['b', 'a', 'c']),
            ('--sort-descending', ['c', 'a', 'b']),
        ):
            self.assertEqual(
                ids, self.ids('--sort-column', 'Power (W)', order)
            )

    def test_list_is_sorted_by_id_by_default(self):
        self.assertEqual(['a', 'b', 'c'], self.ids())


class ShowTest(base.CommandTestCase):
    def setUp(self):
        super().setUp()
        self.api.answers['/v1/probes/pdu%201%2F7/'] = (
            200,
            json.dumps({'pdu 1/7': api_stub.PROBE}).encode(),
        )

    def test_show_returns_all_fields(self):
        self.assertEqual(
            {
                'id': 'pdu 1/7',
                'host': 'node-41',
                'scope': 'node',
                'wattmeter': 'rack1-bmc41',
                'power_w': 173.0,
                'energy_kwh': 1.25,
                'coverage': 0.9998,
                'timestamp': '2023-11-14T22:13:20+00:00',
                'project_id': None,
            },
            self.read('probe', 'show', 'pdu 1/7'),
        )

    def test_table_numbers_are_rounded(self):
        self.assertEqual(0, self.run_command('probe', 'show', 'pdu 1/7'))

        for text in '99.98%', '173.0', '1.250':
            self.assertIn(f' {text} ', self.stdout.getvalue())


class VersionTest(base.CommandTestCase):
    def test_api_and_client_versions_are_shown(self):
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

    def assert_fails(self, text, *arguments):
        self.assertEqual(1, self.run_command(*arguments))
        self.assertIn(text, self.log.output)
        self.assertEqual('', self.stdout.getvalue())

    def test_unknown_probe_fails(self):
        self.assert_fails('probe desk not found', 'probe', 'show', 'desk')

    def test_forbidden_request_fails(self):
        self.api.answers['/v1/probes/'] = 403, b'{}'

        for command in 'list', 'watch':
            self.assert_fails('/v1/probes/: 403 Forbidden', 'probe', command)

    def test_unavailable_api_fails(self):
        self.api.stop()

        self.assert_fails('Unable to establish connection', 'version')
