# SPDX-License-Identifier: Apache-2.0

"""Parameters of requests for energy."""

import itertools

import hypothesis
from hypothesis import strategies
from oslotest import base
from wsme import exc as wsme_exc

from energy_meter.api import energy_documents
from energy_meter.api import periods

HOUR_MS = 3_600_000
#: 2023-11-14T22:13:20Z
NOW = 1_700_000_000_000
ZONES = (
    'UTC',
    'Europe/Berlin',
    'America/Sao_Paulo',
    'Pacific/Apia',
    'Asia/Kathmandu',
)


def parse(**parameters):
    return periods.parse(parameters, NOW)


def iso(dates):
    return [energy_documents.iso(date) for date in dates]


class ParseTest(base.BaseTestCase):
    def test_dates_have_a_zone_or_are_seconds(self):
        for text, date in (
            ('1700000000', NOW),
            ('1700000000.25', NOW + 250),
            ('2023-11-14T22:13:20Z', NOW),
            ('2023-11-14t22:13:20.25z', NOW + 250),
            ('2023-11-14 22:13:20Z', NOW),
            ('2023-11-14T23:13:20+01:00', NOW),
            ('2023-11-14T23:13:20 01:00', NOW),
            ('2023-11-14T20:43:20-01:30', NOW),
        ):
            self.assertEqual(date, parse(start='0', end=text).end, text)

    def test_invalid_parameters_are_named(self):
        for name, text in (
            ('start', '2023-11-14T22:13:20'),
            ('start', '2023-11-14'),
            ('start', '2023-02-30T00:00:00Z'),
            ('start', '2023-11-14T22:13:20+24:00'),
            ('start', '-1'),
            ('start', ''),
            ('start', '٣'),
            ('start', '1700000000'),
            ('end', '9999-01-01T00:00:00Z'),
            ('as_of', 'now'),
            ('step', '0'),
            ('step', '90'),
            ('step', 'week'),
            ('step', '-60'),
            ('timezone', 'Europe'),
            ('timezone', 'Mars/Base'),
            ('timezone', '../UTC'),
            ('timezone', ''),
            ('timezone', 'x' * 1000),
        ):
            error = self.assertRaises(
                wsme_exc.ClientSideError, parse, **{name: text}
            )

            self.assertEqual(400, error.code)
            self.assertIn(f'parameter {name}: ', error.faultstring)

    def test_default_is_the_present_month_of_the_zone(self):
        for timezone, start in (
            ('UTC', '2023-11-01T00:00:00Z'),
            ('Europe/Berlin', '2023-10-31T23:00:00Z'),
        ):
            request = parse(timezone=timezone)

            self.assertEqual(
                [start, '2023-11-14T22:13:20Z'],
                iso([request.start, request.end]),
            )

    def test_no_period_begins_before_the_epoch(self):
        self.assertEqual(0, parse(end='1', timezone='Asia/Tokyo').start)
        self.assertRaises(wsme_exc.ClientSideError, parse, end='0')


class EdgesTest(base.BaseTestCase):
    def test_without_step_there_is_one_row(self):
        self.assertEqual([0, 1000], [*parse(start='0', end='1').edges()])

    def test_seconds_begin_at_the_start(self):
        request = parse(start='7', end='130', step='60')

        self.assertEqual([7000, 67_000, 127_000, 130_000], [*request.edges()])

    def test_a_local_day_may_have_23_or_25_hours(self):
        for start, end, hours in (
            ('2026-03-28T23:00:00Z', '2026-03-30T22:00:00Z', [23, 24]),
            ('2026-10-24T22:00:00Z', '2026-10-26T23:00:00Z', [25, 24]),
        ):
            request = parse(
                start=start, end=end, step='day', timezone='Europe/Berlin'
            )

            self.assertEqual(
                hours,
                [
                    (until - since) // HOUR_MS
                    for since, until in itertools.pairwise(request.edges())
                ],
            )

    def test_a_day_begins_late_where_clocks_skip_midnight(self):
        request = parse(
            start='2018-11-03T03:00:00Z',
            end='2018-11-05T02:00:00Z',
            step='day',
            timezone='America/Sao_Paulo',
        )

        self.assertEqual(
            [
                '2018-11-03T03:00:00Z',
                '2018-11-04T03:00:00Z',
                '2018-11-05T02:00:00Z',
            ],
            iso(request.edges()),
        )

    def test_a_day_that_a_zone_skipped_has_no_row(self):
        request = parse(
            start='2011-12-29T10:00:00Z',
            end='2011-12-31T10:00:00Z',
            step='day',
            timezone='Pacific/Apia',
        )

        self.assertEqual(
            [
                '2011-12-29T10:00:00Z',
                '2011-12-30T10:00:00Z',
                '2011-12-31T10:00:00Z',
            ],
            iso(request.edges()),
        )

    def test_months_are_those_of_the_calendar(self):
        request = parse(
            start='2024-01-15T00:00:00Z',
            end='2024-04-01T00:00:00Z',
            step='month',
        )

        self.assertEqual(
            [
                '2024-01-15T00:00:00Z',
                '2024-02-01T00:00:00Z',
                '2024-03-01T00:00:00Z',
                '2024-04-01T00:00:00Z',
            ],
            iso(request.edges()),
        )

    @hypothesis.given(
        strategies.integers(0, 2**41),
        strategies.integers(60_000, 200 * 24 * HOUR_MS),
        strategies.sampled_from(['day', 'month', '86400', None]),
        strategies.sampled_from(ZONES),
        strategies.data(),
    )
    def test_rows_can_begin_at_each_of_them_again(
        self, start, length, step, timezone, data
    ):
        request = periods.Request(
            start, start + length, None, periods._timezone(timezone), None
        )._replace(step=periods._step(step))
        edges = [*request.edges()]
        self.assertEqual(sorted(set(edges)), edges)
        for since, until in itertools.pairwise(edges[1:-1]):
            hours = (until - since) / HOUR_MS
            self.assertLessEqual(22, hours)
            self.assertLessEqual(hours, 31 * 24 + 1)

        number = data.draw(strategies.integers(0, len(edges) - 2))

        self.assertTrue(request.has_edge(edges[number]))
        self.assertEqual(edges[number:], [*request.edges(edges[number])])
        self.assertFalse(request.has_edge(edges[number] + 1))

    def test_dates_of_documents_can_be_parsed(self):
        for date in (0, 1, 999, NOW, NOW + 500):
            text = energy_documents.iso(date)
            self.assertEqual(date, parse(start=text, end='2000000000').start)
