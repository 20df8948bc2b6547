# SPDX-License-Identifier: Apache-2.0

"""Tests of the pages of hosts and projects."""

import csv
import itertools
from unittest import mock

from energy_meter import exception
from energy_meter.clients import api
from energy_meter.rrd.energy import source
from energy_meter.tests.unit import attribution_documents as documents
from energy_meter.tests.unit import energy_documents
from energy_meter.tests.unit.rrd.pages import base

START = energy_documents.utc(2026, 11, 20)
DAYS = [START + number * energy_documents.DAY for number in range(3)]
#: Long enough to be shown by day.
PERIOD = '1795132800-1795478400'
KWH = 3_600_000_000


class Client:
    """Fake client of the API, with documents by path without the query."""

    def __init__(self):
        self.documents = {}
        self.queries = []
        self.error = None

    def get(self, path):
        if self.error is not None:
            raise self.error
        name, _, query = path.partition('?')
        self.queries.append(query)
        if name not in self.documents:
            raise api.NotFound(url=path, reason='404')
        return path, self.documents[name]


def host_document(instances, name='compute-1'):
    """Return the document of a host on two days.

    :param instances: kWh of each instance on the first day; half of it on
        the second day.
    """
    energies = [
        [round(kwh * KWH / (number + 1)) for kwh in instances.values()]
        for number in range(2)
    ]
    rows = [
        documents.host_row(start, end, sum(each), KWH, KWH // 2, 0)
        for each, start, end in zip(energies, DAYS, DAYS[1:], strict=False)
    ]
    members = [
        documents.host_instance(
            uuid,
            [
                documents.row(start, end, each[place])
                for each, start, end in zip(
                    energies, DAYS, DAYS[1:], strict=False
                )
            ],
        )
        for place, uuid in enumerate(instances)
    ]
    return documents.host(name, rows, members)


class AttributionTestCase(base.PagesTestCase):
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

    def show_host(self, instances, name='compute-1'):
        self.client.documents['v1/hosts/compute-1/energy'] = host_document(
            instances, name
        )
        return base.Outline(self.get(f'/host/compute-1/{PERIOD}/').text)

    def bars(self, page):
        """Return the texts of the bars."""
        return [
            ' '.join(attributes['aria-label'].split())
            for _, attributes in page.elements
            if attributes.get('class', '').startswith('bar stacked ')
        ]


class HostTest(AttributionTestCase):
    def test_bars_show_what_the_energy_was_used_for(self):
        page = self.show_host({'i1': 4.0, 'i2': 2.0})

        self.assertEqual(
            [
                f'{name}: {kwh:.4f} kWh, attributed, closed; '
                f'name-i1 {first:.4f}; name-i2 {second:.4f}; '
                'Overhead 1.0000; Unallocated 0.5000'
                for name, kwh, first, second in (
                    ('2026-11-20', 7.5, 4.0, 2.0),
                    ('2026-11-21', 4.5, 2.0, 1.0),
                )
            ],
            self.bars(page),
        )

    def test_segments_are_stacked_without_gaps(self):
        page = self.show_host({'i1': 4.0, 'i2': 2.0})

        (first, *_) = [
            place
            for place, (_, attributes) in enumerate(page.elements)
            if attributes.get('class', '') == 'place'
        ]
        rectangles = [
            (float(attributes['y']), float(attributes['height']))
            for tag, attributes in page.elements[first + 1 :]
            if tag == 'rect'
        ][:4]
        y = 176.0
        for top, height in rectangles:
            self.assertAlmostEqual(y - height, top, delta=0.02)
            y = top

    def test_smallest_instances_share_a_color(self):
        page = self.show_host({f'i{number}': 1.0 for number in range(9)})

        legend = [text for text in page.texts if text.endswith('kWh')]
        self.assertIn('Other instances, 3.0000 kWh', legend)
        self.assertEqual(7, sum(text.startswith('name-') for text in legend))

    def test_instances_link_to_their_projects(self):
        page = self.show_host({'i1': 4.0})

        self.assertIn(f'/project/p/{PERIOD}/', page.values('href'))

    def test_page_links_to_its_rows_as_csv(self):
        page = self.show_host({'i1': 4.0, 'i2': 2.0})
        url = f'/host/compute-1/{PERIOD}/?format=csv'

        self.assertIn(url, page.values('href'))
        response = self.get(url)
        self.assertEqual('text/csv', response.content_type)
        first, second = csv.DictReader(response.text.splitlines())
        self.assertEqual(
            {
                'start': '2026-11-20T00:00:00Z',
                'end': '2026-11-21T00:00:00Z',
                'kwh': '7.5',
                'millijoules': '27000000000',
                'instances_kwh': '6.0',
                'overhead_kwh': '1.0',
                'unallocated_kwh': '0.5',
                'unattributed_kwh': '0.0',
                'idle_kwh': '0.0',
                'coverage': '1.0',
                'uncertain_kwh': '0.0',
                'quality': 'attributed',
                'state': 'closed',
                'version': '1',
            },
            first,
        )
        self.assertEqual('4.5', second['kwh'])

    def test_unknown_format_is_an_error(self):
        self.get(f'/host/compute-1/{PERIOD}/?format=json', 400)

    def test_month_by_day_is_the_default(self):
        self.client.documents['v1/hosts/compute-1/energy'] = host_document(
            {'i1': 1.0}
        )

        self.get('/host/compute-1/')

        self.assertIn('step=day', self.client.queries[0])

    def test_times_are_quarter_hours(self):
        self.client.documents['v1/hosts/compute-1/energy'] = host_document(
            {'i1': 1.0}
        )

        with mock.patch('time.time', return_value=1_795_000_123.0):
            self.get('/host/compute-1/day/')

        self.assertIn('end=2026-11-18T11%3A00', self.client.queries[0])

    def test_hostile_name_is_escaped(self):
        page = self.show_host({base.HOSTILE: 1.0}, base.HOSTILE)

        self.assertEqual(4, sum(tag == 'script' for tag, _ in page.elements))
        self.assertIn(base.HOSTILE, page.texts)

    def test_hostile_name_of_a_project_is_escaped(self):
        document = host_document({'i1': 1.0})
        document['instances'][0]['project_name'] = base.HOSTILE
        self.client.documents['v1/hosts/compute-1/energy'] = document

        page = base.Outline(self.get(f'/host/compute-1/{PERIOD}/').text)

        self.assertEqual(4, sum(tag == 'script' for tag, _ in page.elements))
        self.assertIn(f'({base.HOSTILE})', page.texts)

    def test_host_without_instances_is_not_found(self):
        self.assertIn(
            'instances of this host are not known',
            self.get('/host/desk/', 404).text,
        )

    def test_unavailable_api_is_reported(self):
        self.client.error = exception.APIUnavailable(url='u', reason='r')

        self.get('/host/compute-1/', 503)


class ProjectTest(AttributionTestCase):
    def setUp(self):
        super().setUp()
        rows = [
            documents.row(start, end, KWH)
            for start, end in itertools.pairwise(DAYS)
        ]
        project = documents.project('p', rows[0])
        instance = documents.instance('i1', rows[0], hosts=['compute-1'])
        self.client.documents = {
            'v1/projects/p/energy': documents.document(project, rows),
            'v1/instances': documents.listing('instances', [instance]),
        }

    def test_project_has_bars_and_instances_on_hosts(self):
        page = base.Outline(self.get(f'/project/p/{PERIOD}/').text)

        self.assertEqual(2, len(self.bars(page)))
        self.assertIn('p (name-p)', page.texts)
        self.assertIn('name-i1', page.texts)
        self.assertIn(f'/host/compute-1/{PERIOD}/', page.values('href'))

    def test_rows_are_csv(self):
        response = self.get(f'/project/p/{PERIOD}/?format=csv')

        header, *lines = response.text.splitlines()
        self.assertEqual(
            'start,end,kwh,millijoules,coverage,uncertain_kwh,quality,state,'
            'version',
            header,
        )
        self.assertEqual(2, len(lines))

    def test_instances_are_those_of_the_project(self):
        self.get(f'/project/p/{PERIOD}/')

        self.assertIn('project_id=p', self.client.queries[1])
        self.assertNotIn('step', self.client.queries[1])


class NoEnergyTest(base.PagesTestCase):
    def test_pages_need_the_api(self):
        for kind in 'host', 'project':
            self.get(f'/{kind}/a/', 404)
