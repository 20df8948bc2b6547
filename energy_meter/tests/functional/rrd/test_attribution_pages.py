# SPDX-License-Identifier: Apache-2.0

"""Tests of the pages of hosts and projects in a browser."""

import datetime
import itertools
import math
import urllib.parse

from axe_core_python import selenium as axe

from energy_meter.tests import usages
from energy_meter.tests.functional.rrd import browsing
from energy_meter.tests.functional.rrd import site
from energy_meter.tests.functional.services import http
from energy_meter.tests.unit import attribution_documents as documents

#: Name, project, and mean power in W of each instance.
INSTANCES = (
    ('web-1', 'shop', 60.0),
    ('web-2', 'shop', 45.0),
    ('database', 'shop', 80.0),
    ('ci-runner', 'build', 35.0),
    ('cache', 'shop', 12.0),
    ('wiki', 'office', 8.0),
    ('mail', 'office', 10.0),
    ('backup', 'office', 6.0),
    ('monitoring', 'office', 5.0),
)
OVERHEAD_W, UNALLOCATED_W = 15.0, 40.0
DAY = datetime.timedelta(days=1)


def answer(request):
    """Answer a request for the energy of a host or a project."""
    parts = urllib.parse.urlsplit(request.path)
    query = dict(urllib.parse.parse_qsl(parts.query))
    kind = parts.path.split('/')[2]
    edges = _edges(query)
    if kind == 'hosts':
        return http.page(_host(edges))
    rows = [
        _row(start, end, sum(_energies('shop', start, end)))
        for start, end in itertools.pairwise(edges)
    ]
    if kind == 'projects':
        return http.page(
            documents.document(
                documents.project('shop', rows[0], instances=4), rows
            )
        )
    members = [
        documents.instance(
            usages.uuid(number),
            _row(edges[0], edges[-1], _energy(number, edges[0], edges[-1])),
            name=name,
            hosts=['compute-1'],
        )
        for number, (name, project, _) in enumerate(INSTANCES)
        if project == 'shop'
    ]
    return http.page(documents.listing('instances', members))


def _edges(query):
    start, end = (
        datetime.datetime.fromisoformat(query[name])
        for name in ('start', 'end')
    )
    edges = [start]
    while edges[-1] < end:
        edges.append(min(edges[-1] + DAY, end))
    return edges


def _host(edges):
    rows, energies = [], []
    for start, end in itertools.pairwise(edges):
        each = [_energy(number, start, end) for number in range(9)]
        energies.append(each)
        rows.append(
            documents.host_row(
                start,
                end,
                sum(each),
                _millijoules(OVERHEAD_W, start, end),
                _millijoules(UNALLOCATED_W, start, end),
                0,
                **_state(end),
            )
        )
    members = [
        documents.host_instance(
            usages.uuid(number),
            [
                documents.row(start, end, each[number])
                for each, (start, end) in zip(
                    energies, itertools.pairwise(edges), strict=True
                )
            ],
            name=name,
            project_id=project,
        )
        for number, (name, project, _) in enumerate(INSTANCES)
    ]
    return documents.host('compute-1', rows, members)


def _energies(project, start, end):
    return [
        _energy(number, start, end)
        for number, (_, owner, _) in enumerate(INSTANCES)
        if owner == project
    ]


def _energy(number, start, end):
    """Return the energy of an instance, which differs from day to day."""
    day = start.timestamp() / DAY.total_seconds()
    watts = INSTANCES[number][2] * (1 + 0.4 * math.sin(day + 2 * number))
    return _millijoules(watts, start, end)


def _millijoules(watts, start, end):
    return round(watts * 1000 * (end - start).total_seconds())


def _row(start, end, millijoules):
    return documents.row(start, end, millijoules, **_state(end))


def _state(end):
    now = datetime.datetime.now(datetime.UTC)
    is_open = end > now - DAY
    return {'state': 'open', 'version': None} if is_open else {}


class AttributionPagesTest(browsing.PagesTestCase):
    def serve(self):
        served = self.useFixture(site.Site())
        served.api.answer = answer
        return served

    def test_host_is_stacked_and_leads_to_its_projects(self):
        self.open('/host/compute-1/')
        self.keep_screenshot('host')

        self.assertEqual(
            [
                'database', 'web-1', 'web-2', 'ci-runner', 'cache', 'mail',
                'wiki', 'Other instances', 'Overhead', 'Unallocated',
            ],
            [item.text.split(',')[0] for item in self.find_all('.legend li')],
        )  # fmt: skip
        bar = self.find('svg.bars .bar.closed')
        parts = bar.find_elements('css selector', 'rect:not(.place)')
        self.assertEqual(10, len(parts))
        tops = [part.rect['y'] for part in parts]
        self.assertEqual(sorted(tops, reverse=True), tops)
        self.assertEqual(10, len({*map(self.color, parts)}))

        self.find('table a[href*="/project/shop/"]').click()

        self.assertEqual('shop (name-shop)', self.find('h1').text)
        self.assertEqual(
            4, len(self.find_all('table a[href*="/host/compute-1/"]'))
        )
        self.assert_clean()

    def color(self, element):
        return element.value_of_css_property('fill')

    def test_pages_have_no_serious_accessibility_violations(self):
        for scheme in ('light', 'dark'):
            self.browser.prefer(scheme)
            for path in '/host/compute-1/', '/project/shop/':
                self.open(path)

                report = axe.Axe().run(self.driver)

                self.assertEqual(
                    [],
                    [
                        (
                            violation['id'],
                            [node['html'] for node in violation['nodes']],
                        )
                        for violation in report['violations']
                        if violation['impact'] in ('serious', 'critical')
                    ],
                )
