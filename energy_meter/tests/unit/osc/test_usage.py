# SPDX-License-Identifier: Apache-2.0

"""Tests for the commands that show the energy of probes."""

import csv
import datetime
import io
import itertools
import json
import logging
import urllib.parse
import zoneinfo

import fixtures
from oslotest import base as oslotest_base

from energy_meter.osc.v1 import usage
from energy_meter.tests.unit import energy_documents as documents
from energy_meter.tests.unit.osc import base

DAY = documents.DAY
MARCH = documents.utc(2026, 3, 1)

#: A Thursday.
NOW = documents.utc(2026, 3, 5, 14, 30, 5)


def march(number, kwh, **fields):
    """Return the interval of a day of March."""
    start = MARCH + (number - 1) * DAY
    return documents.interval(start, start + DAY, round(kwh * 3.6e9), **fields)


class UsageTestCase(base.CommandTestCase):
    def setUp(self):
        super().setUp()
        self.useFixture(
            fixtures.MonkeyPatch(
                'energy_meter.osc.v1.times.now',
                lambda zone: NOW.astimezone(zone),
            )
        )
        self.set_zone('UTC')

    def set_zone(self, name):
        self.useFixture(fixtures.EnvironmentVariable('TZ', name))

    def answer(self, path, document):
        self.api.answers[path] = 200, json.dumps(document).encode()

    def query(self):
        """Return the parameters of the only request, and remove it."""
        (path,) = self.api.requests
        self.api.requests.clear()
        return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(path).query))

    def table(self, *arguments):
        """Return the lines that a command writes."""
        self.stdout = io.StringIO()
        self.assertEqual(0, self.run_command('usage', *arguments))
        return self.stdout.getvalue().splitlines()


class ShowTest(UsageTestCase):
    def setUp(self):
        super().setUp()
        self.rows = [
            march(1, 4.0),
            march(2, 1.0, quality='partial', coverage=0.5, clock=['step']),
            march(3, 0.0, quality='missing', coverage=0.0),
            march(4, 2.125, state='open', version=None),
        ]
        self.show(final_until='2026-03-04T00:00:00Z')

    def show(self, **fields):
        self.answer(
            '/v1/probes/a/energy',
            documents.document('a', self.rows, **fields),
        )

    def test_days_are_shown_with_bars_total_and_what_can_be_invoiced(self):
        lines = self.table(
            'show', 'a', '--start', '2026-03-01', '--end', 'now'
        )

        self.assertEqual(
            [
                '| Start      | Energy (kWh) | Bar              '
                '| Quality  | State  |',
                '| 2026-03-01 |        4.000 | ████████████████ '
                '| measured | closed |',
                '| 2026-03-02 |        1.000 | ████             '
                '| partial  | closed |',
                '| 2026-03-03 |        0.000 |                  '
                '| missing  | closed |',
                '| 2026-03-04 |        2.125 | ████████▌        '
                '| measured | open   |',
                '| Total      |        7.125 |                  '
                '| measured | open   |',
                'From 2026-03-01 00:00 UTC to 2026-03-05 00:00 UTC (UTC)',
                'Invoice up to 2026-03-04 00:00 UTC: what follows is open '
                'and may still change.',
            ],
            [line for line in lines if not line.startswith('+')],
        )

    def test_closed_period_can_be_invoiced_as_a_whole(self):
        self.show()

        self.assertEqual(
            'Invoice up to 2026-03-05 00:00 UTC: all of it is closed.',
            self.table('show', 'a')[-1],
        )

    def test_open_period_cannot_be_invoiced(self):
        for until in None, '2026-02-28T00:00:00Z', '2026-03-01T00:00:00Z':
            self.show(final_until=until)

            self.assertEqual(
                'Nothing of it is closed yet: the energy may still change.',
                self.table('show', 'a')[-1],
            )

    def test_total_stays_below_sorted_rows(self):
        for direction in '--sort-ascending', '--sort-descending':
            lines = self.table(
                'show', 'a', '-c', 'Start', '-c', 'Energy (kWh)',
                '--sort-column', 'energy_(kwh)', direction,
            )  # fmt: skip

            self.assertEqual('| Total      |        7.125 |', lines[-4])

    def test_long_table_has_all_columns(self):
        lines = self.table('show', 'a', '--long')

        self.assertIn(
            '| 2026-03-02 | 2026-03-03 00:00 UTC |        1.000 '
            '| ████             | partial  | closed |       1 | 50.00%   '
            '| 0.000           | step  |  3600000000 |',
            lines,
        )

    def test_terminal_without_blocks_has_ascii_bars(self):
        terminal = io.TextIOWrapper(io.BytesIO(), 'ascii')
        self.stdout = terminal

        self.run_command('usage', 'show', 'a')

        terminal.seek(0)
        self.assertIn(' ################ ', terminal.read())

    def test_table_without_energy_has_no_bars(self):
        self.rows = [march(1, 0.0)]
        self.show()

        self.assertNotIn('Bar', self.table('show', 'a')[1])

    def test_json_has_numbers_and_neither_bar_nor_total(self):
        rows = self.read('usage', 'show', 'a')

        self.assertEqual(4, len(rows))
        self.assertEqual(
            {
                'Start': '2026-03-02T00:00:00+00:00',
                'Energy (kWh)': 1.0,
                'Quality': 'partial',
                'State': 'closed',
            },
            rows[1],
        )

    def test_long_json_has_all_fields(self):
        rows = self.read('usage', 'show', 'a', '--long')

        self.assertEqual(
            {
                'Start': '2026-03-02T00:00:00+00:00',
                'End': '2026-03-03T00:00:00+00:00',
                'Energy (kWh)': 1.0,
                'Quality': 'partial',
                'State': 'closed',
                'Version': 1,
                'Coverage': 0.5,
                'Uncertain (kWh)': 0.0,
                'Clock': 'step',
                'Millijoules': 3_600_000_000,
            },
            rows[1],
        )
        self.assertIsNone(rows[3]['Version'])

    def test_csv_has_exact_millijoules(self):
        self.rows = [documents.interval(MARCH, MARCH + DAY, 2**60 + 1)]
        self.show()

        self.table('show', 'a', '--long', '-f', 'csv')

        (row,) = csv.DictReader(io.StringIO(self.stdout.getvalue()))
        self.assertEqual(str(2**60 + 1), row['Millijoules'])

    def test_value_suits_scripts(self):
        lines = self.table('show', 'a', '-f', 'value', '-c', 'Energy (kWh)')

        self.assertEqual(['4.0', '1.0', '0.0', '2.125'], lines)

    def test_pages_are_shown_as_one_table(self):
        self.answer(
            '/v1/probes/a/energy',
            documents.document(
                'a',
                self.rows[:2],
                total=documents.total(self.rows),
                end=self.rows[-1]['end'],
                next='http://api/v1/probes/a/energy?start=1772496000',
            ),
        )
        self.answer(
            '/v1/probes/a/energy?start=1772496000',
            documents.document(
                'a', self.rows[2:], total=documents.total(self.rows)
            ),
        )

        self.assertEqual(4, len(self.read('usage', 'show', 'a')))
        self.assertIn(
            '| Total      |        7.125 |                  '
            '| measured | open   |',
            self.table('show', 'a'),
        )


class QueryTest(UsageTestCase):
    def setUp(self):
        super().setUp()
        self.answer(
            '/v1/probes/a/energy', documents.document('a', [march(1, 1)])
        )

    def show(self, *arguments):
        """Return the parameters of the request of ``usage show``."""
        self.read('usage', 'show', 'a', *arguments)
        return self.query()

    def test_this_month_by_day_is_the_default(self):
        self.assertEqual(
            {
                'start': '2026-03-01T00:00:00+00:00',
                'end': '2026-03-05T14:30:05+00:00',
                'step': 'day',
                'timezone': 'UTC',
            },
            self.show(),
        )

    def test_local_zone_is_the_default(self):
        self.set_zone('Europe/Paris')

        query = self.show('--start', 'yesterday')

        self.assertEqual(
            (
                '2026-03-03T23:00:00+00:00',
                '2026-03-04T23:00:00+00:00',
                'Europe/Paris',
            ),
            (query['start'], query['end'], query['timezone']),
        )

    def test_zone_can_be_chosen(self):
        self.set_zone('Europe/Paris')

        query = self.show('--start', '2026-02', '--timezone', 'Asia/Tokyo')

        self.assertEqual(
            ('2026-01-31T15:00:00+00:00', 'Asia/Tokyo'),
            (query['start'], query['timezone']),
        )

    def test_step_fits_the_period(self):
        for start, step in (
            ('today', '3600'),
            ('yesterday', '3600'),
            ('-2d', '3600'),
            ('-3d', 'day'),
            ('last week', 'day'),
            ('last month', 'day'),
            ('2 months ago', 'day'),
            ('3 months ago', 'month'),
            ('last year', 'month'),
        ):
            self.assertEqual(step, self.show('--start', start)['step'], start)

    def test_step_can_be_chosen(self):
        for text, step in (
            ('hour', '3600'),
            ('15min', '900'),
            ('60', '60'),
            ('6h', '21600'),
            ('day', 'day'),
            ('month', 'month'),
        ):
            self.assertEqual(step, self.show('--step', text)['step'])

        self.assertNotIn('step', self.show('--step', 'none'))

    def test_relative_time_can_follow_the_option(self):
        for arguments in ('--start', '-3d'), ('--start=-3d',):
            self.assertEqual(
                '2026-03-02T14:30:05+00:00', self.show(*arguments)['start']
            )

    def test_date_as_of_which_includes_that_day(self):
        query = self.show('--start', '2026-01', '--as-of', '2026-02-03')

        self.assertEqual('2026-02-04T00:00:00+00:00', query['as_of'])

    def test_as_of_today_is_now(self):
        query = self.show('--start', '2026-01', '--as-of', 'today')

        self.assertEqual('2026-03-05T14:30:05+00:00', query['as_of'])

    def test_what_was_known_is_noted(self):
        self.assertEqual(
            'As known at 2026-02-04 00:00 UTC.',
            self.table('show', 'a', '--as-of', '2026-02-03')[-1],
        )


class DaylightSavingTest(UsageTestCase):
    def setUp(self):
        super().setUp()
        self.set_zone('Europe/Paris')

    def starts(self, first, count, step, *arguments):
        """Return the starts of intervals in a table."""
        ends = [first + number * step for number in range(count + 1)]
        self.answer(
            '/v1/probes/a/energy',
            documents.document(
                'a',
                [
                    documents.interval(start, end, 1)
                    for start, end in itertools.pairwise(ends)
                ],
            ),
        )
        lines = self.table('show', 'a', '-c', 'Start', *arguments)
        return [line.strip('| ') for line in lines[3:-4]]

    def test_hour_that_exists_twice_is_shown_with_its_offset(self):
        starts = self.starts(
            documents.utc(2025, 10, 25, 23),
            4,
            documents.HOUR,
            '--start',
            '2025-10-26',
            '--step',
            'hour',
        )

        self.assertEqual(
            [
                '2025-10-26 01:00 CEST',
                '2025-10-26 02:00 CEST',
                '2025-10-26 02:00 CET',
                '2025-10-26 03:00 CET',
            ],
            starts,
        )

    def test_day_that_does_not_begin_at_midnight_has_its_time(self):
        starts = self.starts(
            documents.utc(2026, 2, 10, 8), 1, 15 * documents.HOUR
        )

        self.assertEqual(['2026-02-10 09:00 CET'], starts)

    def test_months_are_shown_as_such(self):
        paris = zoneinfo.ZoneInfo('Europe/Paris')
        february, march = (
            datetime.datetime(2026, month, 1, tzinfo=paris) for month in (2, 3)
        )

        starts = self.starts(february, 1, march - february, '--step', 'month')

        self.assertEqual(['2026-02'], starts)


class ListTest(UsageTestCase):
    def setUp(self):
        super().setUp()
        self.probes = [
            documents.probe('a', [march(1, 4.0)]),
            documents.probe('b', [march(1, 2.0, state='open', version=None)]),
        ]
        self.answer('/v1/energy', documents.listing(self.probes))

    def test_probes_are_listed_with_their_sum(self):
        lines = self.table('list')

        self.assertEqual(
            [
                '| Probe | Host   | Scope | Energy (kWh) | Bar              '
                '| Quality  | State  |',
                '| a     | host-a | node  |        4.000 | ████████████████ '
                '| measured | closed |',
                '| b     | host-b | node  |        2.000 | ████████         '
                '| measured | open   |',
                '| Total |        |       |        6.000 |                  '
                '| measured | open   |',
                'From 2026-03-01 00:00 UTC to 2026-03-02 00:00 UTC (UTC)',
            ],
            [line for line in lines if not line.startswith('+')][:5],
        )

    def test_one_row_per_probe_of_this_month_is_the_default(self):
        rows = self.read('usage', 'list')

        self.assertEqual(
            [
                {
                    'Probe': 'a',
                    'Host': 'host-a',
                    'Scope': 'node',
                    'Energy (kWh)': 4.0,
                    'Quality': 'measured',
                    'State': 'closed',
                },
                {
                    'Probe': 'b',
                    'Host': 'host-b',
                    'Scope': 'node',
                    'Energy (kWh)': 2.0,
                    'Quality': 'measured',
                    'State': 'open',
                },
            ],
            rows,
        )
        self.assertEqual(
            {
                'start': '2026-03-01T00:00:00+00:00',
                'end': '2026-03-05T14:30:05+00:00',
                'timezone': 'UTC',
            },
            self.query(),
        )

    def test_filters_are_sent(self):
        self.read(
            'usage',
            'list',
            '--host',
            'n1',
            '--scope',
            'node',
            '--project',
            'p',
        )

        query = self.query()
        self.assertEqual(
            ('n1', 'node', 'p'),
            (query['host'], query['scope'], query['project']),
        )

    def test_step_adds_the_starts(self):
        rows = self.read('usage', 'list', '--step', 'day')

        self.assertEqual(
            ['2026-03-01T00:00:00+00:00'] * 2, [row['Start'] for row in rows]
        )
        self.assertEqual('day', self.query()['step'])

    def test_long_adds_period_and_project(self):
        row = self.read('usage', 'list', '--long')[0]

        self.assertEqual(
            (None, '2026-03-01T00:00:00+00:00', '2026-03-02T00:00:00+00:00'),
            (row['Project ID'], row['Start'], row['End']),
        )

    def test_total_of_pages_is_their_sum(self):
        clock = march(
            1,
            0.5,
            coverage=0.5,
            uncertain_kwh=0.25,
            quality='partial',
            clock=['step'],
        )
        self.answer(
            '/v1/energy',
            documents.listing(self.probes[:1], total=None, next='?marker=a'),
        )
        self.answer(
            '/v1/energy?marker=a',
            documents.listing(
                [self.probes[1], documents.probe('c', [clock])],
                total=None,
                final_until=None,
            ),
        )

        lines = self.table('list', '--long')

        self.assertEqual(
            [
                '| Total |        |       |            |                      '
                '|                      |        6.500 |                  '
                '|          | open   |    None | 83.33%   | 0.250           '
                '| step  | 23400000000 |',
                'From 2026-03-01 00:00 UTC to 2026-03-02 00:00 UTC (UTC)',
                'Nothing of it is closed yet: the energy may still change.',
            ],
            [lines[-4], *lines[-2:]],
        )

    def test_no_probe_is_no_table(self):
        self.answer(
            '/v1/energy', documents.listing(self.probes) | {'probes': []}
        )

        self.assertEqual([''], self.table('list'))
        self.assertEqual([], self.read('usage', 'list'))


class ErrorsTest(UsageTestCase):
    def setUp(self):
        super().setUp()
        self.log = self.useFixture(fixtures.FakeLogger(level=logging.ERROR))

    def assert_fails(self, text, *arguments):
        self.assertEqual(1, self.run_command('usage', *arguments))
        self.assertIn(text, self.log.output)
        self.assertEqual('', self.stdout.getvalue())

    def assert_invalid(self, text, *arguments):
        stderr = self.useFixture(fixtures.StringStream('stderr')).stream
        with fixtures.MonkeyPatch('sys.stderr', stderr):
            error = self.assertRaises(
                SystemExit, self.run_command, 'usage', 'show', 'a', *arguments
            )
        self.assertEqual(2, error.code)
        stderr.seek(0)
        self.assertIn(text, stderr.read())

    def test_invalid_arguments_name_the_option_and_what_was_expected(self):
        for option, value, expected in (
            ('--start', 'soon', "'soon': expected now, today, yesterday"),
            ('--end', '2026-02-30', "'2026-02-30': day is out of range"),
            ('--as-of', '3m', "'3m': expected now"),
            ('--step', '90', "'90': expected hour, day, month, none, or"),
            ('--step', '0', "'0': expected hour"),
            ('--timezone', 'Mars', "'Mars': expected the name of a time zone"),
        ):
            self.assert_invalid(
                f'argument {option}: {expected}', option, value
            )

    def test_time_before_all_others_is_rejected(self):
        self.assert_fails(
            "--start: '0001-01-01' ",
            'show',
            'a',
            '--start',
            '0001-01-01',
            '--timezone',
            'Asia/Tokyo',
        )

    def test_start_after_the_end_is_rejected(self):
        self.assert_fails(
            '--start: 2026-04-01T00:00+00:00 is not before the end, '
            '2026-03-05T14:30+00:00',
            'show',
            'a',
            '--start',
            '2026-04',
        )

    def test_time_that_exists_twice_is_rejected(self):
        self.assert_fails(
            "--end: '2025-10-26T02:30' does not exist or exists twice in "
            'Europe/Paris',
            'list',
            '--timezone',
            'Europe/Paris',
            '--start',
            '2025-10-25',
            '--end',
            '2025-10-26T02:30',
        )

    def test_errors_of_the_api_are_shown_without_output(self):
        self.api.answers['/v1/probes/a/energy'] = (
            409,
            b'{"error": {"message": "as_of: probe a is open on 2026-03-01"}}',
        )
        for output in 'table', 'csv', 'json':
            self.assert_fails(
                '409 Conflict: as_of: probe a is open on 2026-03-01',
                'show',
                'a',
                '-f',
                output,
            )

    def test_unknown_probe_fails(self):
        self.assert_fails('probe desk not found', 'show', 'desk')


class HelpTest(oslotest_base.BaseTestCase):
    def test_help_has_examples(self):
        for name, command in (
            ('show', usage.ShowUsage(None, None)),
            ('list', usage.ListUsage(None, None)),
        ):
            text = command.get_parser(f'energy usage {name}').format_help()

            self.assertIn(f'\n    openstack energy usage {name} ', text)
            self.assertIn('\n  -3d, "3 days ago"', text)
