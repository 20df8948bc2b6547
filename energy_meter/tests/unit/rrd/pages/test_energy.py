# SPDX-License-Identifier: Apache-2.0

"""Tests of the energy of the pages: bars, tables and data."""

import csv
from unittest import mock
import urllib.parse

from energy_meter import exception
from energy_meter.rrd.energy import source
from energy_meter.tests.unit.rrd.energy import base as energy_base
from energy_meter.tests.unit.rrd.pages import base

START = int(energy_base.START.timestamp())
DAY = f'{START}-{START + 86_400}'

_ROWS = (
    energy_base.interval(0),
    energy_base.interval(1, quality='estimated', uncertain_kwh=0.5),
    energy_base.interval(2, quality='partial', coverage=0.9999),
    energy_base.interval(
        3,
        0,
        quality='missing',
        coverage=0.0,
        clock=('behind', 'unset'),
        state='open',
        version=None,
    ),
)


class Client:
    """Fake client of the API, whose probes all have the same energy.

    :ivar error: what requests raise.
    """

    def __init__(self):
        self.error = None

    def energy(self, probe, query):
        if self.error is not None:
            raise self.error
        yield energy_base.page(energy_base.energy(probe, *_ROWS))

    def energies(self, query):
        if self.error is not None:
            raise self.error
        yield energy_base.page(
            *(energy_base.energy(probe, *_ROWS) for probe in ('a', 'b', 'x'))
        )


class EnergyTestCase(base.PagesTestCase):
    config = (
        '[energy_api]\nauth_type = none\n'
        'endpoint_override = http://127.0.0.1:1/\n'
    )

    def prepare(self):
        self.client = Client()
        patch = mock.patch.object(
            source.api, 'Client', return_value=self.client
        )
        patch.start()
        self.addCleanup(patch.stop)

    def setUp(self):
        super().setUp()
        self.archive.add('a')
        self.archive.add('b')

    def outline(self, url, status=200):
        return base.Outline(self.get(url, status).text)


class BarsTest(EnergyTestCase):
    def bars(self, url=f'/energy/{DAY}/a/'):
        """Return the attributes of the bars, in order."""
        return [
            attributes
            for _, attributes in self.outline(url).elements
            if attributes.get('class', '').startswith('bar ')
            and 'aria-label' in attributes
        ]

    def test_bars_have_quality_state_and_energy(self):
        bars = self.bars()

        self.assertEqual(
            [
                'bar measured closed',
                'bar estimated closed',
                'bar partial closed',
                'bar missing open',
            ],
            [bar['class'] for bar in bars],
        )
        texts = [' '.join(bar['aria-label'].split()) for bar in bars]
        self.assertIn('1.0000 kWh, measured, coverage 100.0 %', texts[0])
        self.assertIn('estimated, uncertain 0.5000 kWh', texts[1])
        # Rounded down: something is missing.
        self.assertIn('partial, coverage 99.9 %, closed', texts[2])
        self.assertTrue(texts[3].endswith('missing, coverage 0.0 %, open'))

    def test_only_estimated_energy_is_hatched(self):
        page = self.outline(f'/energy/{DAY}/a/')

        fills = [value for value in page.values('fill') if value != 'none']
        # The bar, and the legend.
        self.assertEqual([f'url(#bars-{DAY}-hatch)'] * 2, fills)
        self.assertEqual(1, page.values('id').count(f'bars-{DAY}-hatch'))

    def test_bars_lead_to_their_period(self):
        for url, root in (
            (f'/energy/{DAY}/a/', '/probe/a/'),
            (f'/energy/{DAY}/', '/period/'),
        ):
            links = [bar['href'] for bar in self.bars(url)]

            self.assertEqual(f'{root}{START}-{START + 3600}/', links[0])
            for link in links:
                self.get(link)

    def test_quarter_hours_cannot_be_zoomed_into(self):
        bars = self.bars(f'/energy/{START}-{START + 3600}/a/')

        self.assertTrue(all('href' not in bar for bar in bars))
        self.assertEqual(['img'] * 4, [bar['role'] for bar in bars])

    def test_one_bar_is_in_the_order_of_the_tab_key(self):
        self.assertEqual(
            ['-1', '-1', '-1', '0'], [bar['tabindex'] for bar in self.bars()]
        )

    def test_page_has_a_table_of_all_bars(self):
        page = self.outline(f'/energy/{DAY}/a/')

        for text in ('estimated', 'closed, version 1', '99.9 %', '0.5000'):
            self.assertIn(text, page.texts)
        self.assertEqual(5, sum(tag == 'tr' for tag, _ in page.elements))

    def test_sum_has_the_energy_of_the_probes_of_the_graph(self):
        # The API knows a third probe, which the archive leaves out.
        (first, *_) = self.bars(f'/energy/{DAY}/')

        self.assertIn(': 2.0000 kWh', first['aria-label'])


class PagesTest(EnergyTestCase):
    def test_periods_of_a_quarter_hour_and_more_have_bars(self):
        page = self.outline('/probe/a/')

        self.assertEqual(
            [
                f'/energy/{period}/a/'
                for period in ('hour', 'day', 'week', 'month', 'year')
            ],
            page.values('data-energy'),
        )
        self.assertEqual(
            ['/energy/week/'],
            self.outline('/last/week/').values('data-energy'),
        )
        self.assertEqual(
            [], self.outline('/last/minute/').values('data-energy')
        )

    def test_pages_link_to_energy_without_scripts(self):
        page = self.outline('/last/day/')

        self.assertIn('/energy/day/', page.values('href'))

    def test_pages_do_not_wait_for_the_api(self):
        self.client.error = AssertionError('asked')

        for url in ('/last/day/', '/probe/a/', f'/probe/a/{DAY}/'):
            self.get(url)

    def test_period_between_two_times_has_pages(self):
        for url in (f'/period/{DAY}/', f'/probe/a/{DAY}/'):
            page = self.outline(url)

            self.assertEqual(1, len(page.values('data-energy')))
            self.assertTrue(
                any(text.startswith('2026-11-20 00:00') for text in page.texts)
            )

    def test_probes_of_a_period_keep_it(self):
        page = self.outline(f'/period/{DAY}/')

        self.assertIn(f'/probe/a/{DAY}/', page.values('href'))

    def test_invalid_periods_are_not_found(self):
        for url in (
            '/period/',
            '/period/day/',
            '/period/1-2/',
            f'/period/{DAY}/a/',
            '/probe/a/day/',
            '/probe/a/1-2/',
            '/energy/',
            '/energy/century/',
            '/energy/day/a/b/',
        ):
            self.get(url, 404)

    def test_hostile_name_is_escaped(self):
        self.archive.add(base.HOSTILE, 'node', base.HOSTILE, base.HOSTILE)
        quoted = urllib.parse.quote(base.HOSTILE, safe='')

        for url in (f'/energy/{DAY}/{quoted}/', f'/probe/{quoted}/{DAY}/'):
            page = self.outline(url)

            self.assertIn(base.HOSTILE, page.texts)
            self.assertEqual(
                4, sum(tag == 'script' for tag, _ in page.elements)
            )
            for name in ('id', 'class', 'fill', 'aria-labelledby'):
                for value in page.values(name):
                    self.assertNotIn('x:y', value)

    def test_pages_have_no_inline_code(self):
        page = self.outline(f'/energy/{DAY}/a/')

        for tag, attributes in page.elements:
            self.assertNotEqual('style', tag)
            self.assertFalse([name for name in attributes if name[:2] == 'on'])
            self.assertNotIn('style', attributes)


class DataTest(EnergyTestCase):
    def test_csv_has_the_columns_of_the_api_without_names(self):
        response = self.get(f'/energy/{DAY}/a/?format=csv')

        self.assertEqual('text/csv', response.content_type)
        rows = list(csv.reader(response.text.splitlines()))
        self.assertEqual(
            'start,end,kwh,millijoules,coverage,uncertain_kwh,quality,clock,'
            'state,version',
            ','.join(rows[0]),
        )
        self.assertEqual(
            '2026-11-20T00:00:00Z,2026-11-20T01:00:00Z,1.0,3600000000,1.0,0.0,'
            'measured,,closed,1',
            ','.join(rows[1]),
        )
        self.assertEqual(['behind unset', 'open', ''], rows[4][-3:])

    def test_json_has_the_rows_of_the_api(self):
        document = self.get(f'/energy/{DAY}/a/?format=json').json

        self.assertEqual(DAY, document['period'])
        self.assertEqual('a', document['probe'])
        self.assertEqual(3600, document['step'])
        self.assertEqual('2026-11-20T00:00:00Z', document['final_until'])
        self.assertEqual(
            {
                'start': '2026-11-20T00:00:00Z',
                'end': '2026-11-20T01:00:00Z',
                'kwh': 1.0,
                'millijoules': '3600000000',
                'coverage': 1.0,
                'uncertain_kwh': 0.0,
                'quality': 'measured',
                'clock': [],
                'state': 'closed',
                'version': 1,
            },
            document['intervals'][0],
        )

    def test_matching_etag_gives_304(self):
        for query in ('', '?format=json', '?format=csv'):
            url = f'/energy/{DAY}/a/{query}'
            tag = self.get(url).headers['ETag']

            self.get(url, 304, **{'If-None-Match': tag})

    def test_invalid_format_is_rejected(self):
        self.get('/energy/day/a/?format=xml', 400)

    def test_unknown_probe_is_not_found(self):
        self.client.error = AssertionError('asked')

        self.get('/energy/day/unknown/', 404)


class FailureTest(EnergyTestCase):
    def test_unavailable_api_is_reported(self):
        self.client.error = exception.APIUnavailable(
            url='http://secret.example/', reason='down'
        )

        for query in ('', '?format=json', '?format=csv'):
            response = self.get(f'/energy/day/a/{query}', 503)

            self.assertIn('Energy is unavailable right now.', response.text)
            self.assertNotIn('secret', response.text)

    def test_probe_without_energy_is_reported(self):
        self.client.error = exception.ProbeNotFound(probe='a')

        response = self.get('/energy/day/a/', 404)

        self.assertIn('No energy is known for this period.', response.text)

    def test_period_in_the_future_has_no_energy(self):
        self.get('/energy/2000000000-2000003600/a/', 404)


class NotConfiguredTest(base.PagesTestCase):
    def test_pages_are_as_without_energy(self):
        self.archive.add('a')

        for url in ('/last/day/', '/probe/a/', f'/probe/a/{DAY}/'):
            page = base.Outline(self.get(url).text)

            self.assertEqual([], page.values('data-energy'))
            self.assertFalse(
                [link for link in page.values('href') if '/energy/' in link]
            )
        self.get('/energy/day/', 404)
        self.get('/energy/day/a/', 404)
