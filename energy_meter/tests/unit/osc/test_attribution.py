# SPDX-License-Identifier: Apache-2.0

"""Tests for the commands that show attributed energy."""

import json
import logging

import fixtures
from oslotest import base as oslotest_base

from energy_meter.osc.v1 import attribution
from energy_meter.tests.unit import attribution_documents as documents
from energy_meter.tests.unit import energy_documents
from energy_meter.tests.unit.osc import test_usage

DAY = energy_documents.DAY
MARCH = energy_documents.utc(2026, 3, 1)
KWH = 3_600_000_000


def day(number, kwh, **fields):
    """Return the row of a day of March."""
    start = MARCH + (number - 1) * DAY
    return documents.row(start, start + DAY, round(kwh * KWH), **fields)


class _TestCase(test_usage.UsageTestCase):
    def table(self, *arguments):
        """Return the lines that a command writes, without rulers."""
        self.stdout.truncate(0)
        self.assertEqual(0, self.run_command(*arguments))
        return [
            line
            for line in self.stdout.getvalue().splitlines()
            if not line.startswith('+')
        ]


class InstanceListTest(_TestCase):
    def setUp(self):
        super().setUp()
        self.members = [
            documents.instance(
                'i1', day(1, 4.0, idle_kwh=1.5, device_kwh=0.5)
            ),
            documents.instance('i2', day(1, 2.0, state='open', version=None)),
        ]
        self.answer(
            '/v1/instances', documents.listing('instances', self.members)
        )

    def test_instances_are_listed_with_their_sum_and_method(self):
        self.assertEqual(
            [
                '| Instance ID | Name    | Project ID | Energy (kWh) '
                '| Bar              | Quality    | State  |',
                '| i1          | name-i1 | p          |        4.000 '
                '| ████████████████ | attributed | closed |',
                '| i2          | name-i2 | p          |        2.000 '
                '| ████████         | attributed | open   |',
                '| Total       |         |            |        6.000 '
                '|                  | attributed | open   |',
                'From 2026-03-01 00:00 UTC to 2026-03-02 00:00 UTC (UTC)',
                'Attributed by reserved-and-cpu, version 1.',
                'Open energy may still change.',
            ],
            self.table('instance', 'list'),
        )

    def test_days_of_this_month_that_are_over_are_the_default(self):
        self.read('instance', 'list')

        self.assertEqual({'timezone': 'UTC'}, self.query())

    def test_local_zone_does_not_move_the_days(self):
        self.set_zone('Europe/Paris')

        self.read('instance', 'list', '--start', '2026-03-02')

        query = self.query()
        self.assertEqual(
            ('2026-03-02T00:00:00+00:00', '2026-03-03T00:00:00+00:00'),
            (query['start'], query['end']),
        )

    def test_project_and_host_are_sent(self):
        self.read('instance', 'list', '--project', 'p', '--host', 'n1')

        query = self.query()
        self.assertEqual(('p', 'n1'), (query['project_id'], query['host']))

    def test_long_list_has_ids_of_hosts_instead_of_unknown_names(self):
        self.members[0]['hosts'] = ['compute-1']
        self.answer(
            '/v1/instances', documents.listing('instances', self.members)
        )

        rows = self.read('instance', 'list', '--long')

        self.assertEqual(['compute-1', 'h1'], [row['Hosts'] for row in rows])
        self.assertEqual([1.5, None], [row['Idle (kWh)'] for row in rows])
        self.assertEqual([0.5, None], [row['Devices (kWh)'] for row in rows])

    def test_list_of_several_pages_has_no_total(self):
        self.answer(
            '/v1/instances',
            documents.listing(
                'instances', self.members[:1], total=None, next='?marker=i1'
            ),
        )
        self.answer(
            '/v1/instances?marker=i1',
            documents.listing('instances', self.members[1:], total=None),
        )

        lines = self.table('instance', 'list')

        self.assertEqual(2, sum('name-i' in line for line in lines))
        self.assertNotIn('Total', ''.join(lines))

    def test_energy_that_is_not_at_the_wall_is_noted(self):
        self.members[0]['scopes'] = ['cpu-package']
        self.answer(
            '/v1/instances', documents.listing('instances', self.members)
        )

        self.assertIn(
            'Of the energy of hosts in the scopes cpu-package, node.',
            self.table('instance', 'list'),
        )

    def test_no_instance_is_no_table(self):
        empty = documents.listing('instances', self.members)
        self.answer('/v1/instances', {**empty, 'instances': []})

        self.assertEqual([''], self.table('instance', 'list'))


class ShowTest(_TestCase):
    def test_instance_is_shown_by_day(self):
        rows = [day(1, 1.0), day(2, 0.5, quality='partial')]
        member = documents.instance('i1', rows[0])
        self.answer(
            '/v1/instances/i1/energy', documents.document(member, rows)
        )

        self.assertEqual(
            [
                '| Start      | Energy (kWh) | Bar              '
                '| Quality    | State  |',
                '| 2026-03-01 |        1.000 | ████████████████ '
                '| attributed | closed |',
                '| 2026-03-02 |        0.500 | ████████         '
                '| partial    | closed |',
                '| Total      |        1.500 |                  '
                '| partial    | closed |',
            ],
            self.table('instance', 'show', 'i1')[:4],
        )
        self.assertEqual({'step': 'day', 'timezone': 'UTC'}, self.query())

    def test_project_is_shown_by_month(self):
        self.answer(
            '/v1/projects/p%2F1/energy',
            documents.document(
                documents.project('p/1', day(1, 1.0)), [day(1, 1.0)]
            ),
        )

        rows = self.read('project', 'show', 'p/1', '--step', 'month')

        self.assertEqual([1.0], [row['Energy (kWh)'] for row in rows])
        self.assertEqual('month', self.query()['step'])

    def test_projects_are_listed_with_their_instances(self):
        members = [documents.project(name, day(1, 1.0)) for name in 'pq']
        self.answer('/v1/projects', documents.listing('projects', members))

        rows = self.read('project', 'list')

        self.assertEqual(
            [('p', 'name-p', 2, 1.0), ('q', 'name-q', 2, 1.0)],
            [
                (
                    row['Project ID'],
                    row['Name'],
                    row['Instances'],
                    row['Energy (kWh)'],
                )
                for row in rows
            ],
        )

    def test_uses_of_a_host_add_up_to_its_energy(self):
        row = documents.host_row(
            MARCH, MARCH + DAY, 6 * KWH, 2 * KWH, KWH, KWH, idle=4 * KWH
        )
        self.answer(
            '/v1/hosts/compute-1/energy',
            documents.host(
                'compute-1', [row], [documents.host_instance('i1', [row])]
            ),
        )

        (shown,) = self.read('host', 'show', 'compute-1', '--long')

        uses = [
            f'{use} (kWh)'
            for use in ('Instances', 'Overhead', 'Unallocated', 'Unattributed')
        ]
        self.assertEqual([6, 2, 1, 1], [shown[use] for use in uses])
        self.assertEqual(10, shown['Energy (kWh)'])
        self.assertEqual((4, 5), (shown['Idle (kWh)'], shown['Dynamic (kWh)']))
        self.assertEqual(
            'Idle power since 2026-03-01: 120.0 W, configured.',
            self.table('host', 'show', 'compute-1')[-1],
        )


class PeriodTest(_TestCase):
    def period(self, *arguments):
        """Return the start and the end of the request."""
        member = documents.instance('i1', day(1, 1.0))
        self.answer(
            '/v1/instances/i1/energy', documents.document(member, [day(1, 1)])
        )
        self.read('instance', 'show', 'i1', *arguments)
        query = self.query()
        return query['start'], query['end']

    def test_period_is_extended_to_whole_days(self):
        self.assertEqual(
            ('2026-03-02T00:00:00+00:00', '2026-03-06T00:00:00+00:00'),
            self.period('--start', '-3d'),
        )

    def test_quarter_hours_extend_to_quarter_hours(self):
        self.assertEqual(
            ('2026-03-05T00:00:00+00:00', '2026-03-05T14:45:00+00:00'),
            self.period('--start', 'today', '--step', '15min'),
        )

    def test_days_of_a_zone_can_be_chosen(self):
        self.assertEqual(
            ('2025-10-24T22:00:00+00:00', '2025-10-26T23:00:00+00:00'),
            self.period(
                '--timezone', 'Europe/Paris', '--start', '2025-10-25T12:00',
                '--end', '2025-10-26T12:00',
            ),
        )  # fmt: skip


class ErrorsTest(_TestCase):
    def setUp(self):
        super().setUp()
        self.log = self.useFixture(fixtures.FakeLogger(level=logging.ERROR))

    def test_another_projects_instance_is_not_found(self):
        self.assertEqual(1, self.run_command('instance', 'show', 'i9'))

        self.assertIn('instance i9 not found', self.log.output)
        self.assertEqual('', self.stdout.getvalue())

    def test_host_without_instances_is_not_found(self):
        self.assertEqual(1, self.run_command('host', 'show', 'h'))

        self.assertIn('host h not found', self.log.output)

    def test_policy_of_the_api_is_named(self):
        self.api.answers['/v1/projects/q/energy'] = (
            403,
            json.dumps(
                {'error': {'message': 'Policy does not allow this.'}}
            ).encode(),
        )

        self.assertEqual(1, self.run_command('project', 'show', 'q'))

        self.assertIn('Policy does not allow this.', self.log.output)


class HelpTest(oslotest_base.BaseTestCase):
    def test_help_states_which_days_are_shown(self):
        command = attribution.ListInstance(None, None)

        text = command.get_parser('energy instance list').format_help()

        self.assertIn('by the UTC day', text)
        self.assertIn('(default: UTC)', text)
        self.assertNotIn('--step <', text)
