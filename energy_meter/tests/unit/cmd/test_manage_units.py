# SPDX-License-Identifier: Apache-2.0

"""Commands of energy-meter-manage for probes that measure CPU time."""

import json
import typing

import sqlalchemy as sa

from energy_meter.cmd import manage
from energy_meter.collector import day_views
from energy_meter.tests.unit.cmd import base
from energy_meter.tests.unit.collector import closings
from energy_meter.tests.unit.db import hosts


class CPUTimeTest(base.CommandTest):
    """A host of 115 W with 1.5 busy CPUs, for 30 hours; a day is closed."""

    def setUp(self) -> None:
        super().setUp()
        self.log_in(1000, ann=1000)
        self.succeed('db', 'sync')
        engine = sa.create_engine(self.url)
        self.addCleanup(engine.dispose)
        host = hosts.Host(engine, guests=[hosts.Guest(1)])
        end = hosts.START + 30 * hosts.HOUR_MS
        host.meter(hosts.START, end, step=15 * hosts.HOUR_MS)
        closings.close(engine, end)

    def succeed(self, *arguments: str) -> str:
        result = self.run_command(manage.main, *arguments)
        self.assertEqual((0, ''), (result.code, result.error))
        return result.output

    def read(self, *arguments: str) -> list[dict[str, typing.Any]]:
        return json.loads(self.succeed(*arguments, '--format', 'json'))

    def test_registers_have_energy_or_cpu_time(self):
        rows = self.read('register', 'list')

        self.assertEqual(
            {
                'compute-1-cpu': (None, None, 45.0),
                'compute-1-power': (3.45, 0.0, None),
            },
            {
                row['probe']: tuple(
                    row[name] for name in ('kwh', 'overlap_kwh', 'cpu_hours')
                )
                for row in rows
            },
        )

    def test_days_have_cpu_time(self):
        day, *_ = self.read('day', 'list', 'compute-1-cpu')

        self.assertEqual(36.0, day['cpu_hours'])
        self.assertNotIn('kwh', day)

    def test_quarter_hours_have_cpu_time(self):
        day = day_views.iso(hosts.DAY)

        rows = self.read('day', 'show', 'compute-1-cpu', day)

        self.assertEqual({0.375}, {row['cpu_hours'] for row in rows})
        self.assertEqual({0.0}, {row['uncertain_cpu_hours'] for row in rows})
        self.assertIsNone(rows[0]['difference_cpu_hours'])

    def test_deletion_names_cpu_time(self):
        self.assertIn(
            'Deleted probe compute-1-cpu with 45.000000 CPU hours',
            self.succeed('probe', 'delete', 'compute-1-cpu', '--dry-run'),
        )

    def test_energy_and_cpu_time_of_an_agent_are_not_added(self):
        output = self.succeed('agent', 'disable', 'agent', '--dry-run')

        self.assertIn('Removed 45.000000 CPU hours from probe', output)
        self.assertIn('Removed 3.450000 kWh from probe', output)
        self.assertIn(
            'Removed 45.000000 CPU hours and 3.450000 kWh from 2 probes',
            output,
        )
