# SPDX-License-Identifier: Apache-2.0

"""Tests for ``energy-meter-manage gnocchi push`` with a real Gnocchi."""

import itertools
import time
import uuid

import fixtures
from oslotest import base
import sqlalchemy as sa

from energy_meter import measurement
from energy_meter.billing import profile
from energy_meter.clients import gnocchi
from energy_meter.clients import gnocchi_intervals as intervals
from energy_meter.cmd.manage import gnocchi_push
from energy_meter.collector import store
from energy_meter.db import closed_days
from energy_meter.db import engine as db_engine
from energy_meter.db import schema
from energy_meter.tests.functional.ceilometer import installation
from energy_meter.tests.functional.services import base as services
from energy_meter.tests.functional.services import commands
from energy_meter.tests.functional.services import keystone

QUARTERS = 96
QUARTER_S = 900
HOUR_S = 3600
DAY_S = 86_400


def energies(seed):
    """Return different energies in mJ for the quarter-hours of a day."""
    return [
        1_000_003 * (seed % 50 + 1) + 7 * number for number in range(QUARTERS)
    ]


def closed_day(probe, day, values, version=1):
    """Return a version of a closed day."""
    millijoules = itertools.accumulate(values, initial=0)
    edges = tuple(
        profile.Edge(
            day * closed_days.DAY_MS + number * closed_days.INTERVAL_MS,
            energy,
            number * closed_days.INTERVAL_MS,
            0,
        )
        for number, energy in enumerate(millijoules)
    )
    return closed_days.ClosedDay(
        probe,
        day,
        version,
        closed_at=round(time.time() * 1000),
        complete=True,
        reason='',
        username='',
        edges=edges,
        clocks=(profile.Clock(0),) * QUARTERS,
    )


class PushTest(base.BaseTestCase):
    """Probes have names of their own, because tests share a Gnocchi."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.gnocchi = services.shared(installation.OwnGnocchi)
        cls.cloud = cls.gnocchi.connect()
        gnocchi.setup(cls.cloud, report=lambda line: None)

    def setUp(self):
        super().setUp()
        (path,) = self.create_tempfiles([('database', '')])
        self.engine = sa.create_engine(f'sqlite:///{path}')
        self.addCleanup(self.engine.dispose)
        schema.metadata.create_all(self.engine)
        self.today = int(time.time()) // DAY_S
        self.name = f'rack/{uuid.uuid4().hex}-node'
        self.problems = []

    def probe(self, name=None, **attributes):
        return intervals.Probe(
            name or self.name,
            **{
                'scope': 'node',
                'host': 'c1',
                'wattmeter': 'bmc',
                'project_id': None,
                **attributes,
            },
        )

    def close(self, days_ago, values, version=1, probe=None):
        """Close or restate a day."""
        day = self.today - days_ago
        with self.engine.begin() as connection:
            closed_days.insert(
                connection,
                [closed_day(probe or self.name, day, values, version)],
            )

    def push(self, *probes, step_s=QUARTER_S):
        return gnocchi_push.Push(
            self.engine,
            intervals.IntervalMetrics(gnocchi.connect(self.cloud)),
            step_s,
            lambda line: None,
            self.problems.append,
        ).run(probes or [self.probe()])

    def resource(self):
        (resource,) = self.gnocchi.resources(
            self.name.replace('/', '_'), 'energy_probe'
        )
        return resource

    def values(self, granularity=QUARTER_S):
        """Return Gnocchi's values by the start in seconds."""
        metric = self.resource()['metrics'][intervals.METRIC]
        return {
            measure.start: measure.value
            for measure in self.gnocchi.measures(
                metric, 'sum', granularity=granularity
            )
        }

    def day(self, days_ago):
        """Return Gnocchi's quarter-hours of a day."""
        start = (self.today - days_ago) * DAY_S
        return [
            value
            for begin, value in sorted(self.values().items())
            if start <= begin < start + DAY_S
        ]

    def test_quarter_hours_are_measures_in_millijoules(self):
        self.close(2, energies(2))
        self.close(1, energies(1))

        result = self.push()

        self.assertEqual((2 * QUARTERS, 0), result)
        self.assertEqual(energies(2), self.day(2))
        self.assertEqual(energies(1), self.day(1))
        self.assertEqual(
            [sum(energies(2)), sum(energies(1))],
            list(self.values(DAY_S).values()),
        )

    def test_second_push_writes_nothing(self):
        self.close(2, energies(2))
        self.push()

        result = self.push()

        self.assertEqual((0, 0), result)

    def test_next_day_is_added(self):
        self.close(2, energies(2))
        self.push()
        self.close(1, energies(1))

        result = self.push()

        self.assertEqual((QUARTERS, 0), result)
        self.assertEqual(energies(1), self.day(1))

    def test_restatement_replaces_only_what_changed(self):
        for ago in 3, 2, 1:
            self.close(ago, energies(ago))
        self.push()
        restated = energies(2)
        restated[40] -= 1000
        restated[41] += 1000
        self.close(2, restated, version=2)

        result = self.push()

        self.assertEqual((2, 0), result)
        self.assertEqual(restated, self.day(2))
        self.assertEqual(energies(3), self.day(3))

    def test_restatement_before_processing_wins(self):
        self.gnocchi.metricd.pause()
        self.addCleanup(self.gnocchi.metricd.resume)
        self.close(2, energies(2))
        self.push()
        self.close(2, energies(9), version=2)

        self.push()
        self.gnocchi.metricd.resume()

        self.assertEqual(energies(9), self.day(2))

    def test_energy_that_was_voided_becomes_zero(self):
        self.close(1, energies(1))
        self.push()
        self.close(1, [0] * QUARTERS, version=2)

        self.push()

        self.assertEqual([0] * QUARTERS, self.day(1))

    def test_days_of_a_late_restatement_are_written(self):
        for ago in range(33, 0, -1):
            self.close(ago, energies(ago))
        self.push()
        self.close(33, energies(50), version=2)

        result = self.push()

        self.assertEqual((QUARTERS, 0), result)
        self.assertEqual(energies(50), self.day(33))

    def test_day_that_gnocchi_would_drop_is_reported(self):
        for ago in range(40, 0, -1):
            self.close(ago, energies(ago))
        self.push()
        self.close(40, energies(50), version=2)
        self.close(1, energies(9), version=2)

        result = self.push()

        self.assertEqual((QUARTERS, 1), result)
        self.assertEqual(energies(9), self.day(1))
        day = time.strftime('%Y-%m-%d', time.gmtime((self.today - 40) * DAY_S))
        metric = self.resource()['metrics'][intervals.METRIC]
        self.assertEqual(
            [
                f'{self.name}: restated on {day}, which is older than Gnocchi '
                f'accepts; delete its metric {metric} (energy.interval) to '
                'transfer all days again'
            ],
            self.problems,
        )

    def test_all_days_are_written_again_after_metric_was_deleted(self):
        for ago in range(40, 0, -1):
            self.close(ago, energies(ago))
        self.push()
        self.close(40, energies(50), version=2)
        metric = self.resource()['metrics'][intervals.METRIC]
        self.gnocchi.client().delete(f'/v1/metric/{metric}')

        result = self.push()

        self.assertEqual((40 * QUARTERS, 0), result)
        self.assertEqual(energies(50), self.day(40))

    def test_change_of_granularity_counts_nothing_twice(self):
        self.close(1, energies(1))
        self.push()

        self.push(step_s=HOUR_S)

        hours = [
            sum(energies(1)[number : number + 4])
            for number in range(0, QUARTERS, 4)
        ]
        self.assertEqual(hours, list(self.values(HOUR_S).values()))
        self.assertEqual(sum(energies(1)), sum(self.values(DAY_S).values()))
        self.push()
        self.assertEqual(energies(1), self.day(1))

    def test_missing_resource_is_created_with_attributes(self):
        self.close(1, energies(1))

        self.push(self.probe(host='c7', project_id='p1'))

        resource = self.resource()
        self.assertEqual(
            ('node', 'c7', 'bmc', 'p1'),
            tuple(
                resource[name]
                for name in ('scope', 'host', 'wattmeter', 'project_id')
            ),
        )

    def test_changed_attributes_update_the_resource(self):
        self.close(1, energies(1))
        self.push(self.probe(host='c7', project_id='p1'))

        self.push(self.probe(host='c8'))

        resource = self.resource()
        self.assertEqual(
            ('c8', None), (resource['host'], resource['project_id'])
        )

    def test_resource_of_ceilometer_is_used(self):
        self.gnocchi.client().post(
            '/v1/resource/energy_probe',
            json={
                'id': self.name.replace('/', '_'),
                'scope': 'node',
                'host': 'c1',
                'wattmeter': 'bmc',
                'metrics': {
                    'energy': {'archive_policy_name': gnocchi.ENERGY_POLICY}
                },
            },
        )
        self.close(1, energies(1))

        self.push()

        self.assertEqual(
            {'energy', intervals.METRIC}, {*self.resource()['metrics']}
        )

    def test_failure_of_one_probe_stops_no_other(self):
        broken = f'{self.name}-broken'
        for probe in broken, self.name:
            self.close(1, energies(1), probe=probe)

        result = self.push(
            # Gnocchi requires at least one character.
            self.probe(broken, host=''),
            self.probe(),
        )

        self.assertEqual((QUARTERS, 1), result)
        self.assertEqual(energies(1), self.day(1))
        self.assertIn(
            f'{broken}: POST resource/energy_probe: Bad Request (HTTP 400)',
            self.problems[0],
        )

    def test_sum_is_that_of_its_parts_while_they_belong_to_it(self):
        noon = (self.today - 1) * closed_days.DAY_MS + 12 * 3_600_000
        for part in 'a', 'b':
            self.close(1, energies(1), probe=f'{self.name}-{part}')
        with self.engine.begin() as connection:
            for part, since in (('a', 0), ('b', noon)):
                connection.execute(
                    schema.membership.insert(),
                    {
                        'member': f'{self.name}-{part}',
                        'kind': 'sum',
                        'whole': self.name,
                        'since': since,
                        'joined_shown': 0,
                    },
                )

        self.push()

        half = QUARTERS // 2
        self.assertEqual(
            energies(1)[:half] + [2 * value for value in energies(1)[half:]],
            self.day(1),
        )


class CommandTest(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        identity = services.shared(keystone.Keystone)
        server = services.shared(installation.OwnGnocchi)
        gnocchi.setup(server.connect(), report=lambda line: None)
        self.useFixture(fixtures.TempHomeDir())
        for name, value in {
            **identity.environment(),
            'OS_METRIC_ENDPOINT_OVERRIDE': server.url,
        }.items():
            self.useFixture(fixtures.EnvironmentVariable(name, value))
        directory = self.useFixture(fixtures.TempDir()).path
        url = f'sqlite:///{directory}/database'
        self.configuration = commands.Configuration(
            directory, database={'connection': url}
        )
        self.configuration.run('energy-meter-manage', 'db', 'sync')
        self.engine = sa.create_engine(url)
        self.addCleanup(self.engine.dispose)

    def add(self, probe):
        """Add a probe whose day is closed."""
        latest = measurement.Measurement(
            measurement.Series(
                measurement.Probe(
                    probe, 'node', 'c1', 'bmc', 'dummy', 'agent'
                ),
                measurement.RegisterKey('agent-uuid', '0' * 16),
                after=None,
                synced=True,
            ),
            timestamp=round(time.time() * 1000),
            elapsed=60_000,
            millijoules=1_000_000,
            metered=60_000,
        )
        day = int(time.time()) // DAY_S - 1
        with db_engine.writing(self.engine) as connection:
            store.write(connection, [latest], db_engine.now(connection))
            closed_days.insert(
                connection, [closed_day(probe, day, energies(1))]
            )

    def push(self, *arguments):
        return self.configuration.run(
            'energy-meter-manage', 'gnocchi', 'push', *arguments
        )

    def test_command_reports_what_it_wrote(self):
        self.add(f'node-{uuid.uuid4().hex}')

        first, second = self.push('--granularity', 'hour'), self.push()

        self.assertEqual('compared 1 probes, wrote 24 measures\n', first)
        self.assertEqual('compared 1 probes, wrote 96 measures\n', second)

    def test_probes_that_share_a_resource_are_left_out(self):
        name = uuid.uuid4().hex
        for probe in f'{name}/1', f'{name}_1', f'{name}-2':
            self.add(probe)

        error = str(self.assertRaises(AssertionError, self.push))

        self.assertIn('compared 1 probes, wrote 96 measures\n', error)
        self.assertIn(
            f'{name}/1: shares the resource {name}_1 with others\n', error
        )
        self.assertIn('2 probes have problems, see above', error)
