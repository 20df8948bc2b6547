# SPDX-License-Identifier: Apache-2.0

"""Tests for times and periods as a person writes them."""

import argparse
import datetime
import zoneinfo

import hypothesis
from hypothesis import strategies
from oslotest import base

from energy_meter.osc.v1 import times

UTC = zoneinfo.ZoneInfo('UTC')
PARIS = zoneinfo.ZoneInfo('Europe/Paris')
SANTIAGO = zoneinfo.ZoneInfo('America/Santiago')

#: A Thursday.
NOW = '2026-03-05T14:30:05'

HOUR = datetime.timedelta(hours=1)


def resolve(text, now=NOW, zone=UTC):
    """Return the start and the end in UTC."""
    local = datetime.datetime.fromisoformat(now).replace(tzinfo=zone)
    return tuple(
        f'{time:%Y-%m-%dT%H:%M:%S}'
        for time in times.parse(text).resolve(local)
    )


def days(start, end):
    return f'{start}T00:00:00', f'{end}T00:00:00'


class WordsTest(base.BaseTestCase):
    def test_words_are_periods(self):
        for text, start, end in (
            ('today', '2026-03-05', '2026-03-06'),
            ('yesterday', '2026-03-04', '2026-03-05'),
            ('this week', '2026-03-02', '2026-03-09'),
            ('last week', '2026-02-23', '2026-03-02'),
            ('this month', '2026-03-01', '2026-04-01'),
            ('last month', '2026-02-01', '2026-03-01'),
            ('this year', '2026-01-01', '2027-01-01'),
            ('last year', '2025-01-01', '2026-01-01'),
            ('Last Month', '2026-02-01', '2026-03-01'),
            ('last-month', '2026-02-01', '2026-03-01'),
        ):
            self.assertEqual(days(start, end), resolve(text), text)

    def test_dates_are_periods(self):
        for text, start, end in (
            ('2026-03-05', '2026-03-05', '2026-03-06'),
            ('2026-12-31', '2026-12-31', '2027-01-01'),
            ('2024-02-29', '2024-02-29', '2024-03-01'),
            ('2024-02', '2024-02-01', '2024-03-01'),
            ('2026-02', '2026-02-01', '2026-03-01'),
            ('2026-12', '2026-12-01', '2027-01-01'),
            ('2026', '2026-01-01', '2027-01-01'),
        ):
            self.assertEqual(days(start, end), resolve(text), text)

    def test_first_moments_of_a_year_belong_to_it(self):
        midnight = '2027-01-01T00:00:00'
        for text, start, end in (
            ('today', '2027-01-01', '2027-01-02'),
            ('yesterday', '2026-12-31', '2027-01-01'),
            # January 1, 2027 is a Friday.
            ('this week', '2026-12-28', '2027-01-04'),
            ('this month', '2027-01-01', '2027-02-01'),
            ('last month', '2026-12-01', '2027-01-01'),
            ('last year', '2026-01-01', '2027-01-01'),
        ):
            self.assertEqual(days(start, end), resolve(text, midnight), text)

    def test_last_moments_of_a_month_belong_to_it(self):
        now = '2026-03-31T23:59:59'

        self.assertEqual(
            days('2026-03-01', '2026-04-01'), resolve('this month', now)
        )
        self.assertEqual(
            days('2026-02-01', '2026-03-01'), resolve('last month', now)
        )

    def test_monday_begins_a_week(self):
        self.assertEqual(
            days('2026-03-02', '2026-03-09'),
            resolve('this week', '2026-03-02T00:00:00'),
        )
        self.assertEqual(
            days('2026-02-23', '2026-03-02'),
            resolve('this week', '2026-03-01T23:59:59'),
        )


class TimesTest(base.BaseTestCase):
    def at(self, text, *arguments):
        start, end = resolve(text, *arguments)
        self.assertEqual(start, end)
        return start

    def test_now_is_a_time(self):
        self.assertEqual(NOW, self.at('now'))

    def test_times_before_now(self):
        for text, expected in (
            ('-3d', '2026-03-02T14:30:05'),
            ('3d', '2026-03-02T14:30:05'),
            ('3 days ago', '2026-03-02T14:30:05'),
            ('1 day ago', '2026-03-04T14:30:05'),
            ('-90min', '2026-03-05T13:00:05'),
            ('2h', '2026-03-05T12:30:05'),
            ('1w', '2026-02-26T14:30:05'),
            ('1 month ago', '2026-02-05T14:30:05'),
            ('14 months ago', '2025-01-05T14:30:05'),
            ('2 years ago', '2024-03-05T14:30:05'),
        ):
            self.assertEqual(expected, self.at(text), text)

    def test_month_ago_is_in_that_month(self):
        for now, text, expected in (
            ('2026-03-31', '1 month ago', '2026-02-28'),
            ('2024-03-31', '1 month ago', '2024-02-29'),
            ('2026-05-31', '1 month ago', '2026-04-30'),
            ('2024-02-29', '1 year ago', '2023-02-28'),
            ('2024-02-29', '4 years ago', '2020-02-29'),
            ('2026-01-31', '1 month ago', '2025-12-31'),
        ):
            self.assertEqual(
                f'{expected}T00:00:00', self.at(text, f'{now}T00:00:00'), now
            )

    def test_timestamps_with_an_offset_are_exact(self):
        for text in (
            '2026-03-05T08:00+01:00',
            '2026-03-05 08:00+01:00',
            '2026-03-05T07:00Z',
            '2026-03-05t07:00:00z',
        ):
            self.assertEqual(
                '2026-03-05T07:00:00', self.at(text, NOW, PARIS), text
            )

    def test_timestamp_without_offset_is_local(self):
        self.assertEqual(
            '2026-03-05T07:00:00', self.at('2026-03-05T08:00', NOW, PARIS)
        )

    def test_invalid_text_is_rejected_with_what_was_expected(self):
        for text in (
            '',
            'soon',
            'tomorrow',
            'next month',
            '3m',
            '3',
            '1772700000',
            '20260305',
            '2026-3-5',
            'last 3 days',
            '٢٠٢٦',
        ):
            error = self.assertRaises(
                argparse.ArgumentTypeError, times.parse, text
            )
            self.assertIn(f'{text!r}: expected now, today', str(error))

    def test_impossible_dates_are_rejected(self):
        for text in (
            '2026-13',
            '2026-02-29',
            '2026-03-05T25:00Z',
            '0000',
            '9999',
            '999999 years ago',
            '999999d',
        ):
            error = self.assertRaises(
                argparse.ArgumentTypeError, times.parse, text
            )
            self.assertTrue(str(error).startswith(f'{text!r}: '), error)


class DaylightSavingTest(base.BaseTestCase):
    def hours(self, text, zone, now='2026-12-01T00:00:00'):
        local = datetime.datetime.fromisoformat(now).replace(tzinfo=zone)
        start, end = times.parse(text).resolve(local)
        return (end - start) / HOUR

    def test_day_of_the_change_has_23_or_25_hours(self):
        for text, zone, expected in (
            ('2026-03-29', PARIS, 23),
            ('2026-10-25', PARIS, 25),
            ('2026-10-24', PARIS, 24),
            # There the clocks change at midnight.
            ('2026-09-06', SANTIAGO, 23),
            ('2026-04-04', SANTIAGO, 25),
            ('2026-04-05', SANTIAGO, 24),
        ):
            self.assertEqual(expected, self.hours(text, zone), text)

    def test_month_of_the_change_is_an_hour_shorter_or_longer(self):
        self.assertEqual(31 * 24 - 1, self.hours('2026-03', PARIS))
        self.assertEqual(31 * 24 + 1, self.hours('2026-10', PARIS))
        self.assertEqual(365 * 24, self.hours('2026', PARIS))

    def test_yesterday_and_week_of_the_change(self):
        monday = '2026-03-30T00:00:00'

        self.assertEqual(23, self.hours('yesterday', PARIS, monday))
        self.assertEqual(167, self.hours('last week', PARIS, monday))

    def test_days_ago_keep_the_time_of_day(self):
        now = '2026-03-30T12:00:00'

        self.assertEqual(
            '2026-03-28T11:00:00', resolve('2 days ago', now, PARIS)[0]
        )
        self.assertEqual('2026-03-28T10:00:00', resolve('48h', now, PARIS)[0])

    def test_time_that_exists_twice_or_never_needs_an_offset(self):
        for text in '2026-10-25T02:30', '2026-03-29T02:30':
            error = self.assertRaises(ValueError, resolve, text, NOW, PARIS)

            self.assertIn('add the offset from UTC', str(error))

        for text, expected in (
            ('2026-10-25T02:30+02:00', '2026-10-25T00:30:00'),
            ('2026-10-25T02:30+01:00', '2026-10-25T01:30:00'),
        ):
            self.assertEqual(expected, resolve(text, NOW, PARIS)[0])

    @hypothesis.given(
        date=strategies.dates(
            datetime.date(2000, 1, 1), datetime.date(2037, 12, 30)
        ),
        zone=strategies.sampled_from(
            (
                'Europe/Paris',
                'America/Santiago',
                'Australia/Lord_Howe',
                'America/Havana',
                'Asia/Kathmandu',
                'UTC',
            )
        ),
    )
    def test_consecutive_days_meet(self, date, zone):
        zone = zoneinfo.ZoneInfo(zone)
        following = date + datetime.timedelta(days=1)

        start, end = resolve(f'{date}', zone=zone)

        self.assertEqual(end, resolve(f'{following}', zone=zone)[0])
        self.assertLess(start, end)


class SpanTest(base.BaseTestCase):
    def span(self, start, end=None, now=NOW, zone=UTC):
        local = datetime.datetime.fromisoformat(now).replace(tzinfo=zone)
        periods = (
            None if text is None else times.parse(text).resolve(local)
            for text in (start, end)
        )
        return tuple(
            f'{time:%Y-%m-%dT%H:%M:%S}' for time in times.span(*periods, local)
        )

    def test_month_of_the_end_is_the_default(self):
        for end, expected in (
            (None, ('2026-03-01T00:00:00', NOW)),
            ('yesterday', days('2026-03-01', '2026-03-05')),
            ('last month', days('2026-02-01', '2026-03-01')),
            ('2026-02-10', days('2026-02-01', '2026-02-11')),
            ('2026-03-01T00:00Z', days('2026-02-01', '2026-03-01')),
        ):
            self.assertEqual(expected, self.span(None, end), end)

    def test_first_moment_of_a_month_shows_the_month_before(self):
        self.assertEqual(
            ('2026-02-28T23:00:00', '2026-03-31T22:00:00'),
            self.span(None, now='2026-04-01T00:00:00', zone=PARIS),
        )

    def test_period_as_start_implies_its_end(self):
        for text in 'last month', '2026-02':
            self.assertEqual(days('2026-02-01', '2026-03-01'), self.span(text))

    def test_current_period_ends_now(self):
        for text in 'today', '2026-03-05':
            self.assertEqual(('2026-03-05T00:00:00', NOW), self.span(text))

    def test_time_as_start_lasts_until_now(self):
        self.assertEqual(('2026-03-02T14:30:05', NOW), self.span('-3d'))

    def test_period_as_end_is_included(self):
        self.assertEqual(
            days('2026-01-01', '2026-03-01'), self.span('2026-01', '2026-02')
        )
        self.assertEqual(
            days('2026-03-01', '2026-03-05'),
            self.span('2026-03-01', 'yesterday'),
        )

    def test_current_period_as_end_ends_now(self):
        self.assertEqual(
            ('2026-03-01T00:00:00', NOW), self.span('this month', 'today')
        )

    def test_time_as_end_is_not_included(self):
        self.assertEqual(
            days('2026-03-01', '2026-03-02'),
            self.span('2026-03', '2026-03-02T00:00Z'),
        )

    def test_start_that_is_not_before_the_end_is_rejected(self):
        for start, end in (
            ('now', None),
            ('2026-04', None),
            ('2030-01-01T00:00Z', None),
            ('2026-03-01', '2026-02'),
            ('today', '2026-03-05T00:00Z'),
        ):
            error = self.assertRaises(ValueError, self.span, start, end)

            self.assertIn(' is not before the end, 2026-0', str(error))


class SecondsTest(base.BaseTestCase):
    def test_lengths_are_seconds(self):
        for text, expected in (
            ('900', 900),
            ('15min', 900),
            ('15 min', 900),
            ('6h', 21_600),
            ('1d', None),
            ('-900', None),
            ('', None),
        ):
            self.assertEqual(expected, times.parse_seconds(text), text)
