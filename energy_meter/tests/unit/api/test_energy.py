# SPDX-License-Identifier: Apache-2.0

"""Energy of one probe."""

import csv
import io
import urllib.parse

from energy_meter.db import changed_days
from energy_meter.db import memberships
from energy_meter.db import sums
from energy_meter.tests.unit.api import base
from energy_meter.tests.unit.api import meters

DAY = '2023-11-15T00:00:00Z'
NEXT_DAY = '2023-11-16T00:00:00Z'
TWO_DAYS = {'start': DAY, 'end': '2023-11-17T00:00:00Z'}
ROW = {
    'start': DAY,
    'end': NEXT_DAY,
    'kwh': 24.0,
    'millijoules': '86400000000',
    'coverage': 1.0,
    'uncertain_kwh': 0.0,
    'quality': 'measured',
    'clock': [],
    'state': 'open',
    'version': None,
}


class EnergyTestCase(base.APITestCase):
    """Base class with energy."""

    def energy(self, probe='a', status=200, headers=None, **parameters):
        return self.get(
            f'/v1/probes/{probe}/energy?{urllib.parse.urlencode(parameters)}',
            status,
            **headers or {},
        )

    def kwh(self, probe='a', **parameters):
        document = self.energy(probe, **parameters).json
        return [row['kwh'] for row in document['intervals']]

    def mark_changed(self, probe='a', day=0):
        first = meters.MIDNIGHT // meters.DAY_MS + day
        with self.engine.begin() as connection:
            changed_days.mark(
                connection, [(probe, first, first + 1)], 0, 'late', ''
            )


class EnergyTest(EnergyTestCase):
    def setUp(self):
        super().setUp()
        meters.meter(self.engine, 'a')

    def test_a_period_without_step_is_one_row(self):
        document = self.energy(start=DAY, end=NEXT_DAY).json

        self.assertEqual(
            {
                'probe_id': 'a',
                'start': DAY,
                'end': NEXT_DAY,
                'step': None,
                'timezone': 'UTC',
                'as_of': None,
                'final_until': None,
                'kwh_ahead': 0.0,
                'total': ROW,
                'intervals': [ROW],
                'next': None,
            },
            document,
        )

    def test_rows_add_up_to_the_total(self):
        document = self.energy(
            start='2023-11-15T01:02:03.004Z',
            end='2023-11-15T23:59:59Z',
            step=60,
        ).json

        rows = document['intervals']
        self.assertEqual(1378, len(rows))
        self.assertEqual(
            int(document['total']['millijoules']),
            sum(int(row['millijoules']) for row in rows),
        )
        self.assertEqual('2023-11-15T01:02:03.004Z', rows[0]['start'])
        self.assertEqual('2023-11-15T23:59:59Z', rows[-1]['end'])

    def test_closed_days_have_a_state_and_a_version(self):
        meters.close(self.engine, 'a', days=1)

        document = self.energy(**TWO_DAYS, step='day').json

        self.assertEqual(
            [('closed', 1), ('open', None)],
            [(row['state'], row['version']) for row in document['intervals']],
        )
        self.assertEqual(NEXT_DAY, document['final_until'])
        self.assertEqual('open', document['total']['state'])

    def test_a_changed_day_is_open_until_its_next_version(self):
        meters.close(self.engine, 'a', days=2, watts=1)
        self.mark_changed(day=1)

        document = self.energy(**TWO_DAYS, step='day').json

        self.assertEqual(
            [0.024, 24.0], [r['kwh'] for r in document['intervals']]
        )
        self.assertEqual(NEXT_DAY, document['final_until'])

    def test_a_date_within_a_quarter_hour_of_a_closed_day_uses_curves(self):
        meters.close(self.engine, 'a')

        document = self.energy(start=DAY, end='2023-11-15T12:34:00Z').json

        [row] = document['intervals']
        self.assertEqual(
            12 * 3_600_000_000 + 34 * 60_000_000, int(row['millijoules'])
        )
        self.assertEqual(('closed', 1), (row['state'], row['version']))

    def test_days_of_a_deleted_probe_that_returned_do_not_count(self):
        # Both days were closed before the probe was deleted; since it
        # returned, only the first one was.
        meters.close(self.engine, 'a', watts=5)
        meters.close(self.engine, 'a', days=1, version=2)

        document = self.energy(**TWO_DAYS, step='day').json

        self.assertEqual(
            [(24.0, 'closed'), (24.0, 'open')],
            [(row['kwh'], row['state']) for row in document['intervals']],
        )

    def test_nothing_was_billed_before_the_first_closed_day(self):
        meters.close(self.engine, 'a')

        document = self.energy(start=0, end=NEXT_DAY).json

        self.assertEqual('86400000000', document['total']['millijoules'])
        self.assertEqual('closed', document['total']['state'])
        self.assertEqual('missing', document['total']['quality'])

    def test_a_probe_that_was_not_seen_for_long_has_energy(self):
        self.get('/v1/probes/a/', 404)

        self.assertEqual([24.0], self.kwh(start=DAY, end=NEXT_DAY))

    def test_default_is_the_present_month(self):
        document = self.energy(timezone='Asia/Tokyo').json

        self.assertRegex(document['start'], r'T15:00:00Z$')
        self.assertLess(document['start'], document['end'])
        self.assertEqual(0.0, document['total']['kwh'])

    def test_rows_above_the_limit_are_in_the_next_response(self):
        parameters = {'start': DAY, 'end': '2023-11-22T00:00:00Z', 'step': 60}
        first = self.energy(**parameters).json
        second = self.get(first['next'].removeprefix('http://localhost')).json

        self.assertEqual(10_000, len(first['intervals']))
        self.assertEqual(80, len(second['intervals']))
        self.assertEqual(
            first['intervals'][-1]['end'], second['intervals'][0]['start']
        )
        self.assertEqual(first['total'], second['total'])
        self.assertIsNone(second['next'])

    def test_unknown_probe_is_not_found(self):
        error = self.energy('b', 404).json['error']

        self.assertEqual('Probe b not found.', error['message'])

    def test_unknown_parameter_is_ignored(self):
        self.energy(start=DAY, end=NEXT_DAY, x='y')

    def test_only_get_and_head_are_allowed(self):
        for url in ('/v1/energy', '/v1/probes/a/energy'):
            self.assert_error(self.api.post(url, status=405))

    def test_head_response_has_headers_of_get_response(self):
        url = f'/v1/probes/a/energy?{urllib.parse.urlencode(TWO_DAYS)}'
        got, head = self.get(url), self.api.head(url)

        self.assertEqual(b'', head.body)
        for name in ('Content-Type', 'ETag', 'Cache-Control', 'Vary'):
            self.assertEqual(got.headers[name], head.headers[name])

    def test_unchanged_document_is_not_modified(self):
        tag = self.energy(**TWO_DAYS).headers['ETag']
        headers = {'If-None-Match': tag}

        response = self.energy(status=304, headers=headers, **TWO_DAYS)
        self.assertEqual(b'', response.body)
        self.assertFalse(tag.startswith('W/'))

        meters.close(self.engine, 'a')
        self.energy(status=200, headers=headers, **TWO_DAYS)


class CSVTest(EnergyTestCase):
    def setUp(self):
        super().setUp()
        meters.meter(self.engine, 'a')

    def test_csv_has_a_line_for_each_row(self):
        for parameters, headers in (
            ({'format': 'csv'}, {}),
            ({}, {'Accept': 'text/csv'}),
        ):
            response = self.energy(
                headers=headers, **TWO_DAYS, step='day', **parameters
            )

            self.assertEqual('text/csv', response.content_type)
            lines = list(csv.DictReader(io.StringIO(response.text)))
            self.assertEqual(2, len(lines))
            self.assertEqual(
                {'probe_id': 'a'}
                | {name: str(value) for name, value in ROW.items()}
                | {'clock': '', 'version': ''},
                lines[0],
            )

    def test_format_takes_precedence(self):
        response = self.energy(headers={'Accept': 'text/csv'}, format='json')

        self.assertEqual('application/json', response.content_type)

    def test_link_leads_to_the_next_rows(self):
        response = self.energy(
            start=DAY, end='2023-11-22T00:00:00Z', step=60, format='csv'
        )

        url = response.headers['Link'].removeprefix('<http://localhost')
        response = self.get(url.removesuffix('>; rel="next"'))
        self.assertEqual(81, len(response.text.splitlines()))
        self.assertNotIn('Link', response.headers)


class AsOfTest(EnergyTestCase):
    def setUp(self):
        super().setUp()
        meters.meter(self.engine, 'a')
        meters.close(self.engine, 'a')
        self.closed_at = (meters.MIDNIGHT + 50 * meters.HOUR_MS) // 1000

    def test_versions_after_the_date_do_not_count(self):
        meters.close(
            self.engine,
            'a',
            watts=500,
            version=2,
            closed_at=(self.closed_at + 1) * 1000,
        )

        invoice = self.energy(**TWO_DAYS, as_of=self.closed_at).json
        restated = self.energy(**TWO_DAYS, as_of=self.closed_at + 1).json

        self.assertEqual(
            (48.0, 1), (invoice['total']['kwh'], invoice['total']['version'])
        )
        self.assertEqual(
            (24.0, 2), (restated['total']['kwh'], restated['total']['version'])
        )
        self.assertEqual(TWO_DAYS['end'], invoice['final_until'])

    def test_the_answer_never_changes(self):
        response = self.energy(**TWO_DAYS, as_of=self.closed_at)

        cache_control = response.headers['Cache-Control'].split(', ')
        self.assertEqual(
            ['immutable', 'max-age=31536000', 'private'], sorted(cache_control)
        )

    def test_a_day_that_was_not_closed_is_a_conflict(self):
        response = self.energy(
            status=409, **TWO_DAYS, as_of=self.closed_at - 1
        )

        self.assertEqual(
            'Probe a: the day 2023-11-16 was not closed by as_of.',
            self.assert_error(response),
        )

    def test_within_a_quarter_hour_energy_is_spread_evenly(self):
        [row] = self.energy(
            start=DAY, end='2023-11-15T00:20:00Z', as_of=self.closed_at
        ).json['intervals']

        self.assertEqual(20 * 60 * 1_000_000, int(row['millijoules']))
        self.assertEqual(600 / 3600, row['uncertain_kwh'])
        self.assertEqual('estimated', row['quality'])


class SumTest(EnergyTestCase):
    def setUp(self):
        super().setUp()
        meters.meter(self.engine, 'a')
        meters.meter(self.engine, 'b', watts=500)
        with self.engine.begin() as connection:
            sums.configure(
                connection, [sums.Sum('s', 'host', frozenset(['a', 'b']))]
            )
            self.set_spans(connection, {'a': (0, None), 'b': (24, 36)})

    def set_spans(self, connection, hours):
        table = memberships._TABLE
        for member, (since, until) in hours.items():
            connection.execute(
                table.update()
                .where(table.c.member == member)
                .values(
                    since=meters.MIDNIGHT + since * meters.HOUR_MS,
                    until=until and meters.MIDNIGHT + until * meters.HOUR_MS,
                )
            )

    def test_parts_count_while_they_are_parts(self):
        self.assertEqual([24.0, 30.0], self.kwh('s', **TWO_DAYS, step='day'))

    def test_coverage_is_that_of_all_parts(self):
        total = self.energy('s', **TWO_DAYS).json['total']

        self.assertEqual(1.0, total['coverage'])
