# SPDX-License-Identifier: Apache-2.0

"""Tests for the controllers of probes."""

import urllib.parse

from energy_meter.db import projects
from energy_meter.db import schema
from energy_meter.tests import rows
from energy_meter.tests.unit.api import base

LISTINGS = ('/v1/probes/', '/v1/probe-ids/')
PAGES = (*LISTINGS, '/v1/probes/a/', '/v1/probes/a/w/')


class ProbesTest(base.APITestCase):
    def test_no_probes_are_empty_documents(self):
        self.assertEqual({'probe_ids': []}, self.get('/v1/probe-ids/').json)
        self.assertEqual({'probes': {}}, self.get('/v1/probes/').json)

    def test_ids_are_sorted(self):
        self.insert('b', 'a')

        self.assertEqual(
            {'probe_ids': ['a', 'b']}, self.get('/v1/probe-ids/').json
        )

    def test_list_has_all_fields(self):
        self.insert('a')
        self.insert('b', scope='outlet', watts=1.0)

        self.assertEqual(
            {
                'probes': {
                    'a': rows.SHOWN,
                    'b': rows.SHOWN | {'scope': 'outlet', 'w': 1.0},
                }
            },
            self.get('/v1/probes/').json,
        )

    def test_show_returns_one_probe(self):
        self.insert('a', 'b')

        self.assertEqual({'a': rows.SHOWN}, self.get('/v1/probes/a/').json)

    def test_show_meter_returns_one_value(self):
        self.insert('a')

        for meter in ('timestamp', 'kwh', 'w'):
            self.assertEqual(
                {'a': {meter: rows.SHOWN[meter]}},
                self.get(f'/v1/probes/a/{meter}/').json,
            )

    def test_unknown_power_is_null(self):
        self.insert('a', watts=None)

        self.assertEqual({'a': {'w': None}}, self.get('/v1/probes/a/w/').json)
        self.assertIsNone(self.get('/v1/probes/').json['probes']['a']['w'])

    def test_energy_is_not_rounded(self):
        self.insert('a', millijoules=1)

        self.assertEqual(
            {'a': {'kwh': 1 / 3.6e9}}, self.get('/v1/probes/a/kwh/').json
        )

    def test_energy_that_was_shown_too_early_is_shown(self):
        with self.engine.begin() as connection:
            rows.insert_probe(
                connection,
                'a',
                tip=rows.insert_register(connection, 'a'),
                shown=4_500_000_000 + 900_000_000,
            )

        fields = self.get('/v1/probes/a/').json['a']

        self.assertEqual(1.5, fields['kwh'])
        self.assertEqual(0.25, fields['kwh_ahead'])

    def test_alarms_are_listed(self):
        with self.engine.begin() as connection:
            rows.insert_probe(
                connection,
                'a',
                tip=rows.insert_register(connection, 'a'),
                alarms='clock_ahead copied_state',
            )

        self.assertEqual(
            ['clock_ahead', 'copied_state'],
            self.get('/v1/probes/a/').json['a']['alarms'],
        )

    def test_trailing_slash_is_ignored(self):
        self.insert('a')

        for page in PAGES:
            self.assertEqual(
                self.get(page).body, self.get(page.rstrip('/')).body
            )

    def test_probe_id_can_contain_any_printable_character(self):
        names = [
            'node.svg',
            'a.json',
            'pdu:1',
            'two words',
            'höst',
            '節點',
            'a/b',
            '/',
            '%2F',
            'a%2Fb',
            'a?b',
            'a#b',
            'a+b',
            '"',
            '..',
            'index',
            'show',
            '_route',
            '_lookup',
            '__class__',
            'w',
            'probes',
        ]
        self.insert(*names)

        for name in names:
            quoted = urllib.parse.quote(name, safe='')
            for page in (f'/v1/probes/{quoted}', f'/v1/probes/{quoted}/'):
                self.assertEqual({name: rows.SHOWN}, self.get(page).json)
                self.assertEqual(
                    {name: {'w': 173.0}},
                    self.get(f'{page.rstrip("/")}/w').json,
                )

    def test_stale_probe_is_not_found(self):
        self.insert('fresh')
        self.insert('stale', last_seen_at=rows.now() - 301_000)

        self.assertEqual(
            {'probe_ids': ['fresh']}, self.get('/v1/probe-ids/').json
        )
        self.assertEqual(['fresh'], [*self.get('/v1/probes/').json['probes']])
        self.get('/v1/probes/stale/', status=404)
        self.get('/v1/probes/stale/w/', status=404)

    def test_unknown_probe_is_not_found(self):
        error = self.get('/v1/probes/b/', status=404).json['error']

        self.assertIn('Probe b ', error['message'])

    def test_unknown_meter_is_not_found(self):
        self.insert('a')

        error = self.get('/v1/probes/a/volts/', status=404).json['error']

        self.assertIn('timestamp, kwh, w', error['message'])

    def test_invalid_id_is_bad_request(self):
        for name in ('%00', '%0A', 'x' * 191):
            for page in (f'/v1/probes/{name}/', f'/v1/probes/{name}/w/'):
                error = self.get(page, status=400).json['error']

                self.assertIn('190 printable characters', error['message'])

    def test_accept_header_is_ignored(self):
        self.insert('a')

        for page in PAGES:
            for accept in ('text/html', 'application/xml', '*/*;q=0', '-'):
                response = self.get(page, Accept=accept)
                self.assertEqual(
                    'application/json', response.headers['Content-Type']
                )

    def test_head_response_has_headers_of_get_response(self):
        self.insert('a')

        for page in PAGES:
            got, head = self.get(page), self.api.head(page)

            self.assertEqual(b'', head.body)
            for name in ('Content-Type', 'ETag', 'Cache-Control', 'Vary'):
                self.assertEqual(got.headers[name], head.headers[name])

    def test_response_is_cacheable_per_token(self):
        self.insert('a')

        for page in PAGES:
            headers = self.get(page).headers
            self.assertEqual('private, no-cache', headers['Cache-Control'])
            self.assertEqual('X-Auth-Token', headers['Vary'])


class UnchangedTest(base.APITestCase):
    def setUp(self):
        super().setUp()
        self.insert('a', 'b')

    def etag(self, page):
        return self.get(page).headers['ETag']

    def test_matching_etag_is_not_modified(self):
        for page in PAGES:
            tag = self.etag(page)
            strong = tag.removeprefix('W/')
            for etags in (tag, strong, '*', f'"x", {tag}, "y"'):
                response = self.get(page, 304, **{'If-None-Match': etags})

                self.assertEqual(b'', response.body)
                self.assertEqual(tag, response.headers['ETag'])
                self.assertEqual('X-Auth-Token', response.headers['Vary'])

    def test_other_etag_returns_document(self):
        for page in PAGES:
            for etags in ('"x"', 'W/"x", "y"', '', 'x'):
                self.get(page, 200, **{'If-None-Match': etags})

    def test_change_of_register_changes_etag(self):
        changes = [
            {'elapsed': 1_001_000},
            {'timestamp': 1_700_000_001_500},
            {'millijoules': 1},
            {'last_seen_at': rows.now() - 301_000},
        ]
        for change in changes:
            tag = self.etag('/v1/probes/')

            self.change(schema.register, schema.register.c.probe, change)

            self.assertNotEqual(tag, self.etag('/v1/probes/'))

    def test_settling_of_probe_changes_etag(self):
        changes = [
            {'base_millijoules': 1},
            {'shown': 1},
            {'settled_at': 1_700_000_001_000, 'alarms': 'clock_ahead'},
        ]
        for change in changes:
            tag = self.etag('/v1/probes/')

            self.change(schema.probe, schema.probe.c.id, change)

            self.assertNotEqual(tag, self.etag('/v1/probes/'))

    def change(self, table, probe, values):
        with self.engine.begin() as connection:
            connection.execute(
                table.update().where(probe == 'a').values(**values)
            )

    def test_change_of_project_changes_etag(self):
        tag = self.etag('/v1/probes/')

        with self.engine.begin() as connection:
            projects.configure(connection, {'a': 'p1'})

        response = self.get('/v1/probes/', 200, **{'If-None-Match': tag})
        self.assertEqual('p1', response.json['probes']['a']['project_id'])

    def test_change_of_probe_keeps_etag_of_others(self):
        tag = self.etag('/v1/probes/b/')

        self.change(schema.register, schema.register.c.probe, {'watts': 1.0})

        self.get('/v1/probes/b/', 304, **{'If-None-Match': tag})

    def test_large_total_energy_does_not_overflow(self):
        self.insert('c', 'd', 'e', millijoules=2**62)

        self.assertEqual(5, len(self.get('/v1/probes/').json['probes']))
