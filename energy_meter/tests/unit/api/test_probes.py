# SPDX-License-Identifier: Apache-2.0

"""Probes: what Kwapi's clients expect, and a little more."""

import time
import urllib.parse

from energy_meter.db import projects
from energy_meter.db import schema
from energy_meter.tests import rows
from energy_meter.tests.unit.api import base

LISTINGS = ('/v1/probes/', '/v1/probe-ids/')
PAGES = (*LISTINGS, '/v1/probes/a/', '/v1/probes/a/w/')


class ProbesTest(base.APITestCase):
    def test_an_empty_installation(self):
        self.assertEqual({'probe_ids': []}, self.get('/v1/probe-ids/').json)
        self.assertEqual({'probes': {}}, self.get('/v1/probes/').json)

    def test_lists_ids_in_order(self):
        self.insert('b', 'a')

        self.assertEqual(
            {'probe_ids': ['a', 'b']}, self.get('/v1/probe-ids/').json
        )

    def test_lists_all_that_is_known(self):
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

    def test_shows_one_probe(self):
        self.insert('a', 'b')

        self.assertEqual({'a': rows.SHOWN}, self.get('/v1/probes/a/').json)

    def test_shows_one_meter(self):
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

    def test_a_trailing_slash_makes_no_difference(self):
        self.insert('a')

        for page in PAGES:
            self.assertEqual(
                self.get(page).body, self.get(page.rstrip('/')).body
            )

    def test_a_probe_may_have_any_name(self):
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

    def test_a_stale_probe_is_gone(self):
        self.insert('fresh')
        self.insert('stale', heard_at=time.time() - 301)

        self.assertEqual(
            {'probe_ids': ['fresh']}, self.get('/v1/probe-ids/').json
        )
        self.assertEqual(['fresh'], [*self.get('/v1/probes/').json['probes']])
        self.get('/v1/probes/stale/', status=404)
        self.get('/v1/probes/stale/w/', status=404)

    def test_an_unknown_probe(self):
        error = self.get('/v1/probes/b/', status=404).json['error']

        self.assertIn('probe b ', error['message'])

    def test_an_unknown_meter(self):
        self.insert('a')

        error = self.get('/v1/probes/a/volts/', status=404).json['error']

        self.assertIn('timestamp, kwh, w', error['message'])

    def test_an_id_that_no_probe_can_have(self):
        for name in ('%00', '%0A', 'x' * 191):
            for page in (f'/v1/probes/{name}/', f'/v1/probes/{name}/w/'):
                error = self.get(page, status=400).json['error']

                self.assertIn('190 printable characters', error['message'])

    def test_whatever_the_client_likes_it_gets_json(self):
        self.insert('a')

        for page in PAGES:
            for liking in ('text/html', 'application/xml', '*/*;q=0', '-'):
                answer = self.get(page, Accept=liking)
                self.assertEqual(
                    'application/json', answer.headers['Content-Type']
                )

    def test_a_head_tells_what_a_get_would(self):
        self.insert('a')

        for page in PAGES:
            got, head = self.get(page), self.api.head(page)

            self.assertEqual(b'', head.body)
            for name in ('Content-Type', 'ETag', 'Cache-Control', 'Vary'):
                self.assertEqual(got.headers[name], head.headers[name])

    def test_an_answer_belongs_to_its_token(self):
        self.insert('a')

        for page in PAGES:
            headers = self.get(page).headers
            self.assertEqual('private, no-cache', headers['Cache-Control'])
            self.assertEqual('X-Auth-Token', headers['Vary'])


class UnchangedTest(base.APITestCase):
    def setUp(self):
        super().setUp()
        self.insert('a', 'b')

    def tag(self, page):
        return self.get(page).headers['ETag']

    def test_what_the_client_has_is_not_sent_again(self):
        for page in PAGES:
            tag = self.tag(page)
            strong = tag.removeprefix('W/')
            for given in (tag, strong, '*', f'"x", {tag}, "y"'):
                answer = self.get(page, 304, **{'If-None-Match': given})

                self.assertEqual(b'', answer.body)
                self.assertEqual(tag, answer.headers['ETag'])
                self.assertEqual('X-Auth-Token', answer.headers['Vary'])

    def test_something_else_is_sent(self):
        for page in PAGES:
            for given in ('"x"', 'W/"x", "y"', '', 'x'):
                self.get(page, 200, **{'If-None-Match': given})

    def test_a_change_shows(self):
        changes = [
            {'owner_elapsed': 1001.0},
            {'time': 1700000001.5},
            {'millijoules': 1},
            {'heard_at': time.time() - 301},
        ]
        for change in changes:
            tag = self.tag('/v1/probes/')

            with self.engine.begin() as connection:
                connection.execute(
                    schema.probe.update()
                    .where(schema.probe.c.id == 'a')
                    .values(**change)
                )

            self.assertNotEqual(tag, self.tag('/v1/probes/'))

    def test_another_project_shows(self):
        tag = self.tag('/v1/probes/')

        with self.engine.begin() as connection:
            projects.configure(connection, {'a': 'p1'})

        answer = self.get('/v1/probes/', 200, **{'If-None-Match': tag})
        self.assertEqual('p1', answer.json['probes']['a']['project_id'])

    def test_a_change_of_one_probe_leaves_the_others(self):
        tag = self.tag('/v1/probes/b/')

        with self.engine.begin() as connection:
            connection.execute(
                schema.probe.update()
                .where(schema.probe.c.id == 'a')
                .values(watts=1.0)
            )

        self.get('/v1/probes/b/', 304, **{'If-None-Match': tag})

    def test_any_amount_of_energy_can_be_listed(self):
        self.insert('c', 'd', 'e', millijoules=2**62)

        self.assertEqual(5, len(self.get('/v1/probes/').json['probes']))
