# SPDX-License-Identifier: Apache-2.0

"""Tests of the HTML of the pages."""

import urllib.parse

from energy_meter.rrd.reading import periods
from energy_meter.tests.unit.rrd.pages import base


class ViewTest(base.PagesTestCase):
    config = '[rrd]\nkwh_price = 0.5\ncurrency = CHF\n'

    def outline(self, url, status=200):
        return base.Outline(self.get(url, status).text)

    def test_probes_are_grouped_and_in_natural_order(self):
        for probe, host, scope in (
            ('n10', 'host-10', 'node'),
            ('n2', 'host-2', 'node'),
            ('p1', 'host-10', 'psu'),
            ('n1b', 'host-10', 'node'),
            ('N3', 'host-2', 'node'),
        ):
            self.archive.add(probe, scope, host)

        cards = self.outline('/last/hour/').values('data-card')

        self.assertEqual(['n2', 'N3', 'n1b', 'n10', 'p1'], cards)

    def test_special_characters_in_names_are_escaped(self):
        self.archive.add(base.HOSTILE, 'node', base.HOSTILE, base.HOSTILE)
        quoted = urllib.parse.quote(base.HOSTILE, safe='')

        for url in ('/last/hour/', f'/probe/{quoted}/'):
            page = self.outline(url)

            self.assertIn(base.HOSTILE, page.texts)
            self.assertEqual(
                4, sum(tag == 'script' for tag, _ in page.elements)
            )
            self.assertTrue(
                any(f'/{quoted}/' in href for href in page.values('href'))
            )

    def test_parameter_in_error_is_escaped(self):
        page = self.outline('/graph/hour/?size=<script>', 400)

        self.assertEqual(4, sum(tag == 'script' for tag, _ in page.elements))

    def test_current_period_is_marked(self):
        page = self.outline('/last/week/')

        marked = [
            attributes['href']
            for tag, attributes in page.elements
            if tag == 'a' and 'aria-current' in attributes
        ]
        self.assertEqual(['/last/week/'], marked)

    def test_page_of_probe_has_all_periods(self):
        self.archive.add('a/b')

        graphs = self.outline('/probe/a%2Fb/').values('data-graph')

        self.assertEqual(
            [
                f'/graph/{period}/a%2Fb/?size=full&format=svg'
                for period in (
                    'minute',
                    'hour',
                    'day',
                    'week',
                    'month',
                    'year',
                )
            ],
            graphs,
        )

    def test_unknown_values_are_dashes(self):
        self.archive.add('a')
        self.archive.make_stale('a')
        self.archive.series = lambda period, probe: base.series.Series(
            0, 1, [None], [None], [None]
        )

        page = self.get('/last/hour/').text

        for name in (
            'data-total="now"',
            'data-total="kwh"',
            'data-figure="now"',
            'data-figure="kwh"',
        ):
            self.assertIn(f'{name}>\N{EN DASH}<', page)
        self.assertNotIn('None', page)

    def test_every_period_shows_current_power(self):
        self.archive.add('a')

        for period in periods.NAMED:
            page = self.get(f'/last/{period}/').text

            self.assertIn('data-figure="now">150.0<', page)
            self.assertIn('data-total="now">100.0<', page)

    def test_cost_has_currency(self):
        self.archive.add('a')

        self.assertIn('CHF', self.get('/last/hour/').text)
        self.assertIn('CHF', self.get('/probe/a/').text)

    def test_page_without_probes_explains_why(self):
        self.assertIn('No probes yet', self.get('/last/hour/').text)

    def test_links_start_with_path_of_application(self):
        self.archive.add('a')
        response = self.pages.get(
            '/last/hour/', extra_environ={'SCRIPT_NAME': '/graphs'}
        )

        page = base.Outline(response.text)

        for link in page.values('href') + page.values('src'):
            self.assertTrue(link.startswith(('/graphs/', '#')), link)


class WithoutPriceTest(base.PagesTestCase):
    def test_cost_is_hidden(self):
        self.archive.add('a')

        for url in ('/last/hour/', '/probe/a/'):
            self.assertNotIn('Cost', self.get(url).text)
