# SPDX-License-Identifier: Apache-2.0

"""Tests of the intervals into which a period is divided."""

import datetime
import zoneinfo

import hypothesis
from hypothesis import strategies
from oslotest import base

from energy_meter import exception
from energy_meter.rrd.energy import intervals
from energy_meter.rrd.reading import periods

PARIS = zoneinfo.ZoneInfo('Europe/Paris')


def local(*fields):
    return datetime.datetime(*fields, tzinfo=PARIS)


def fixed(start, end):
    return periods.parse(f'{start.timestamp():.0f}-{end.timestamp():.0f}')


class QueryTest(base.BaseTestCase):
    def query(self, period, *now, zone=PARIS):
        if isinstance(period, str):
            period = periods.parse(period)
        return intervals.query(period, local(*now).timestamp(), zone)

    def test_named_periods_start_with_a_whole_interval(self):
        for period, start, step in (
            ('day', local(2026, 11, 19, 13), 3600),
            ('week', local(2026, 11, 13), 'day'),
            ('month', local(2026, 10, 20), 'day'),
            ('year', local(2025, 11, 1), 'month'),
        ):
            query = self.query(period, 2026, 11, 20, 13, 5, 59)

            self.assertEqual(start, query.start)
            self.assertEqual(local(2026, 11, 20, 13, 5), query.end)
            self.assertEqual((step, 'Europe/Paris'), query[2:4])

    def test_hour_ends_ten_seconds_ago_at_most(self):
        query = self.query('hour', 2026, 11, 20, 13, 5, 59)

        self.assertEqual(local(2026, 11, 20, 12), query.start)
        self.assertEqual(local(2026, 11, 20, 13, 5, 50), query.end)
        self.assertEqual(900, query.step)

    def test_requests_of_a_minute_are_the_same(self):
        self.assertEqual(
            self.query('month', 2026, 11, 20, 13, 5, 0),
            self.query('month', 2026, 11, 20, 13, 5, 59),
        )

    def test_month_has_days_and_they_have_hours(self):
        month = fixed(local(2026, 10, 1), local(2026, 11, 1))
        # The day of 25 hours at the end of summer time.
        day = fixed(local(2026, 10, 25), local(2026, 10, 26))
        hour = fixed(local(2026, 10, 25, 9), local(2026, 10, 25, 10))

        queries = [
            self.query(period, 2026, 11, 20, 13)
            for period in (month, day, hour)
        ]

        self.assertEqual(['day', 3600, 900], [query.step for query in queries])
        self.assertEqual(local(2026, 10, 25), queries[1].start)
        self.assertEqual(local(2026, 10, 26), queries[1].end)

    def test_hours_of_zones_with_half_hours_are_those_of_the_zone(self):
        query = self.query(
            'day', 2026, 11, 20, 13, zone=zoneinfo.ZoneInfo('Asia/Kolkata')
        )

        self.assertEqual(30, query.start.minute)

    def test_period_that_has_not_begun_is_rejected(self):
        period = fixed(local(2026, 12, 1), local(2026, 12, 2))

        self.assertRaises(
            exception.PeriodNotFound, self.query, period, 2026, 11, 20
        )

    @hypothesis.given(
        strategies.integers(1_500_000_000, 1_900_000_000),
        strategies.integers(1, 400 * 86_400),
        strategies.sampled_from(['UTC', 'Europe/Paris', 'America/St_Johns']),
    )
    @hypothesis.settings(max_examples=200, deadline=None)
    def test_intervals_cover_the_period_and_less_than_one_more(
        self, start, seconds, zone
    ):
        period = periods.parse(f'{start}-{start + seconds}')

        query = intervals.query(period, 3e9, zoneinfo.ZoneInfo(zone))

        longest = {'day': 90_000, 'month': 31 * 86_400 + 3600}
        step = longest.get(query.step, query.step)
        self.assertTrue(0 <= start - query.start.timestamp() < step)
        self.assertTrue(0 <= query.end.timestamp() - start - seconds < step)
        # Not more bars than an image has space for.
        self.assertLess(seconds / step, 100)
