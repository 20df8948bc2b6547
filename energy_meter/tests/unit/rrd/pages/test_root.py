# SPDX-License-Identifier: Apache-2.0

"""Tests of the URLs of the pages."""

import csv
import urllib.parse

from energy_meter.rrd.reading import periods
from energy_meter.tests.unit.rrd.pages import base


class RootTest(base.PagesTestCase):
    def setUp(self):
        super().setUp()
        self.archive.add('a')

    def assert_opens_on(self, period):
        self.assertEqual(
            f'http://localhost/last/{period}/',
            self.get('/', 302).headers['Location'],
        )

    def test_root_opens_on_last_hour(self):
        self.assert_opens_on('hour')

    def test_root_opens_on_last_minute_if_probes_are_new(self):
        self.archive.set_steps('hour', known=5, unknown=55)

        self.assert_opens_on('minute')

    def test_root_opens_on_last_hour_after_a_tenth_of_it(self):
        self.archive.set_steps('hour', known=6, unknown=54)

        self.assert_opens_on('hour')

    def test_root_opens_on_last_hour_with_the_end_of_old_data(self):
        self.archive.set_steps('hour', known=5, unknown=55)
        self.archive.set_steps('minute', known=0, unknown=60)

        self.assert_opens_on('hour')

    def test_root_opens_on_the_shortest_period_with_data(self):
        for period in ('hour', 'day'):
            self.archive.set_steps(period, known=0, unknown=60)

        self.assert_opens_on('week')

    def test_root_opens_on_last_hour_without_data(self):
        for period in periods.NAMED:
            self.archive.set_steps(period, known=0, unknown=60)

        self.assert_opens_on('hour')

    def test_every_period_has_pages_graphs_and_data(self):
        for period in periods.NAMED:
            for url in (
                f'/last/{period}',
                f'/graph/{period}',
                f'/graph/{period}/a',
                f'/data/{period}',
                f'/data/{period}/a',
            ):
                self.assertEqual(self.get(url).body, self.get(f'{url}/').body)

    def test_other_urls_are_not_found(self):
        for url in (
            '/last/',
            '/last/century/',
            '/last/hour/a/',
            '/probe/',
            '/graph/',
            '/graph/century/',
            '/graph/century/a/',
            '/graph/hour/a/b/',
            '/data/',
            '/data/hour/a/b/',
            '/rrd/',
            '/static/',
            '/static/layout.html',
            '/static/..',
            '/static/../app.py',
            '/index',
            '/front',
            '/_route',
            '/a',
            '//last/hour/',
            '/last//hour/',
            '/%ff',
        ):
            self.get(url, 404)

    def test_unknown_probe_is_not_found(self):
        for probe in (
            'b',
            '..',
            '%2E%2E',
            '..%2F..%2Fetc%2Fpasswd',
            '%00',
            'a%00',
            'a%0A',
            '%ff',
            'x' * 191,
            'x' * 5000,
            '%2Fa',
            'a%2F',
            '%25',
            '%C3%A4',
            'None',
        ):
            for url in (
                f'/probe/{probe}/',
                f'/graph/hour/{probe}/',
                f'/data/hour/{probe}/',
                f'/rrd/{probe}/',
            ):
                self.get(url, 404)

    def test_probe_id_may_be_any_text(self):
        for probe in (
            base.HOSTILE,
            'a/b',
            'hour',
            'node.svg',
            'höst',
            '%2F',
            'probe',
            '_route',
            'x' * 190,
        ):
            self.archive.add(probe)
            quoted = urllib.parse.quote(probe, safe='')

            self.get(f'/probe/{quoted}/')
            self.get(f'/graph/day/{quoted}/')
            self.get(f'/rrd/{quoted}/')
            document = self.get(f'/data/day/{quoted}/').json
            self.assertEqual(probe, document['probe'])
            self.assertEqual(
                ('day', probe, 'png', 'light', 'full'), self.archive.drawn[-1]
            )

    def test_methods_other_than_get_are_rejected(self):
        for method in ('post', 'put', 'delete', 'patch', 'options'):
            getattr(self.pages, method)('/last/hour/', status=405)

    def test_health_check_succeeds(self):
        self.get('/healthcheck')


class GraphTest(base.PagesTestCase):
    def setUp(self):
        super().setUp()
        self.archive.add('a')

    def test_default_is_full_light_png(self):
        response = self.get('/graph/hour/')

        self.assertEqual('image/png', response.headers['Content-Type'])
        self.assertEqual(
            [('hour', None, 'png', 'light', 'full')], self.archive.drawn
        )

    def test_parameters_select_format_theme_and_size(self):
        response = self.get(
            '/graph/year/a/?theme=dark&format=svg&size=thumbnail'
        )

        self.assertEqual('image/svg+xml', response.content_type)
        self.assertEqual(
            [('year', 'a', 'svg', 'dark', 'thumbnail')], self.archive.drawn
        )

    def test_invalid_parameter_is_rejected(self):
        for query, expected in (
            ('format=gif', 'png, svg'),
            ('format=', ''),
            ('theme=pink', 'light, dark'),
            ('size=9', 'full, narrow, thumbnail'),
        ):
            response = self.get(f'/graph/hour/a/?{query}', 400)

            self.assertIn(expected, response.text)
        self.assertEqual([], self.archive.drawn)

    def test_matching_etag_gives_304(self):
        tag = self.get('/graph/hour/a/').headers['ETag']

        response = self.get('/graph/hour/a/', 304, **{'If-None-Match': tag})

        self.assertEqual(b'', response.body)
        self.assertEqual(tag, response.headers['ETag'])
        self.get('/graph/hour/', 200, **{'If-None-Match': tag})


class DataTest(base.PagesTestCase):
    def setUp(self):
        super().setUp()
        self.archive.add('a')
        self.archive.add('b')

    def test_json_has_values_and_figures(self):
        self.assertEqual(
            {
                'period': 'hour',
                'probe': 'a',
                'start': 1000,
                'step': 1,
                'watts': [None, 100.0, 100.0],
                'minima': [None, 99.0, 100.0],
                'maxima': [None, 100.0, 100.0],
                'figures': {
                    'minimum': 99.0,
                    'average': 100.0,
                    'maximum': 100.0,
                    'last': 100.0,
                    'kwh': 200 / 3.6e6,
                    'cost': 100 / 3.6e6,
                },
            },
            self.get('/data/hour/a/').json,
        )

    def test_maximum_of_sum_includes_current_power(self):
        self.archive.set_steps('hour', known=1, unknown=0)

        document = self.get('/data/hour/?format=json').json
        page = self.get('/last/hour/').text

        self.assertEqual(200.0, document['now'])
        self.assertEqual(200.0, document['figures']['maximum'])
        self.assertIn('data-total="maximum">200.0<', page)

    def test_maximum_of_past_period_excludes_current_power(self):
        period = '1793491200-1793577600'
        self.archive.set_steps(period, known=1, unknown=0)

        document = self.get(f'/data/{period}/?format=json').json

        self.assertEqual(100.0, document['figures']['maximum'])

    def test_json_of_sum_has_figures_of_every_probe(self):
        document = self.get('/data/hour/').json

        self.assertIsNone(document['probe'])
        self.assertEqual(200.0, document['figures']['last'])
        self.assertEqual(
            {'a': 100.0, 'b': 100.0},
            {
                probe: figures['last']
                for probe, figures in document['probes'].items()
            },
        )

    def test_json_of_sum_has_current_power(self):
        self.archive.make_stale('b')

        document = self.get('/data/week/').json

        self.assertEqual(200.0, document['now'])
        self.assertEqual(
            {'a': 150.0, 'b': None},
            {
                probe: figures['now']
                for probe, figures in document['probes'].items()
            },
        )

    def test_csv_has_empty_fields_for_unknown_values(self):
        response = self.get('/data/hour/a/?format=csv')

        self.assertEqual(
            'text/csv; charset=UTF-8', response.headers['Content-Type']
        )
        self.assertEqual(
            [
                ['time', 'watts', 'minimum', 'maximum'],
                ['1000', '', '', ''],
                ['1001', '100.0', '99.0', '100.0'],
                ['1002', '100.0', '100.0', '100.0'],
            ],
            list(csv.reader(response.text.splitlines())),
        )

    def test_invalid_format_is_rejected(self):
        self.assertIn(
            'json, csv', self.get('/data/hour/?format=xml', 400).text
        )

    def test_matching_etag_gives_304(self):
        for url in (
            '/data/hour/',
            '/data/hour/a/?format=csv',
            '/rrd/a/',
            '/last/hour/',
            '/probe/a/',
        ):
            tag = self.get(url).headers['ETag']

            self.get(url, 304, **{'If-None-Match': tag})

    def test_rrd_file_is_a_download(self):
        response = self.get('/rrd/a/')

        self.assertEqual(b'RRD', response.body)
        self.assertEqual(
            'attachment; filename="probe.rrd"',
            response.headers['Content-Disposition'],
        )
