# SPDX-License-Identifier: Apache-2.0

"""Tests for the collector of energy_meter in CloudKitty."""

import time
import uuid

from oslotest import base as test_base
import sqlalchemy as sa

from energy_meter.clients import gnocchi
from energy_meter.clients import gnocchi_intervals as intervals
from energy_meter.cmd.manage import gnocchi_push
from energy_meter.db import schema
from energy_meter.tests.functional.ceilometer import silence
from energy_meter.tests.functional.consumers import rating
from energy_meter.tests.functional.services import api
from energy_meter.tests.functional.services import base
from energy_meter.tests.functional.services import gnocchi as real_gnocchi
from energy_meter.tests.functional.services import keystone
from energy_meter.tests.functional.services import postgresql

METRICS = rating.ETC / 'metrics-api.yml'
INTERVALS = rating.ETC / 'metrics-intervals.yml'
DAY_S = 86_400

#: Another metric, which Gnocchi has.
OTHER = """
  power:
    unit: W
    groupby:
      - id
    extra_args:
      resource_type: generic
      aggregation_method: mean
      force_granularity: 3600
"""


class RatingTest(test_base.BaseTestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        identity = base.shared(keystone.Keystone)
        cls.api = api.API(
            identity, base.shared(postgresql.PostgreSQL).create_database()
        )
        cls.addClassCleanup(cls.api.cleanUp)
        cls.api.setUp()
        cls.engine = sa.create_engine(cls.api.database)
        cls.addClassCleanup(cls.engine.dispose)

    def setUp(self):
        super().setUp()
        self.project = uuid.uuid4().hex
        self.probe = f'node-{self.project}'

    def charge(self):
        """Bill the project for all energy of the probe."""
        with self.engine.begin() as connection:
            connection.execute(
                schema.membership.insert(),
                {
                    'member': self.probe,
                    'kind': 'project',
                    'whole': self.project,
                    'since': 0,
                    'joined_shown': 0,
                },
            )

    def rate(self, start, periods, **options):
        """Return the data points of the project, or the error."""
        return rating.rate(
            base.shared(keystone.Keystone),
            self.project,
            start,
            periods,
            **{'collector': 'energy_meter', 'metrics': METRICS, **options},
        )

    def test_silence_is_rated_exactly(self):
        day = silence.Silence(self.engine, self.probe)
        self.charge()

        points = self.rate(day.midnight, 24)

        self.assertEqual(
            [watt_hours / 1000 for watt_hours in silence.EXPECTED],
            [float(point['quantity']) for point in points],
        )
        self.assertEqual(
            {
                'id': self.probe,
                'scope': 'node',
                'host': 'c1',
                'project_id': self.project,
            },
            {
                name: points[0]['groupby'][name]
                for name in ('id', 'scope', 'host', 'project_id')
            },
        )
        self.assertEqual(0.25, points[0]['price'])

    def push(self):
        """Transfer the closed days to Gnocchi."""
        server = base.shared(real_gnocchi.Gnocchi)
        connection = base.shared(keystone.Keystone).connect()
        gnocchi.setup(connection, report=lambda line: None)
        gnocchi_push.Push(
            self.engine,
            intervals.IntervalMetrics(gnocchi.connect(connection)),
            intervals.QUARTER_HOUR_S,
            lambda line: None,
            self.fail,
        ).run([intervals.Probe(self.probe, 'node', 'c1', 'bmc', self.project)])
        (resource,) = server.resources(self.probe, 'energy_probe')
        server.measures(resource['metrics'][intervals.METRIC], 'sum')

    def backdate_resource(self):
        """Make Gnocchi know the resource since a week."""
        engine = sa.create_engine(base.shared(real_gnocchi.Gnocchi).database)
        self.addCleanup(engine.dispose)
        with engine.begin() as connection:
            connection.execute(
                sa.text(
                    'UPDATE resource SET revision_start = '
                    "revision_start - interval '7 days' "
                    'WHERE original_resource_id = :probe'
                ),
                {'probe': self.probe},
            )

    def test_pushed_intervals_are_rated_since_the_resource_exists(self):
        day = silence.Silence(self.engine, self.probe)
        self.push()
        pushed = {'collector': 'gnocchi', 'metrics': INTERVALS}

        before = self.rate(day.midnight, 24, **pushed)
        self.backdate_resource()
        points = self.rate(day.midnight, 24, **pushed)

        self.assertIsNone(before)
        self.assertEqual(
            [watt_hours / 1000 for watt_hours in silence.EXPECTED],
            [round(float(point['quantity']), 9) for point in points],
        )

    def store_day(self, midnight, kwh):
        """Store the samples that Ceilometer publishes of an instance and day.

        :returns: its UUID.
        """
        server = base.shared(real_gnocchi.Gnocchi)
        gnocchi.setup(
            base.shared(keystone.Keystone).connect(), report=lambda line: None
        )
        policy = {'archive_policy_name': 'energy-meter-energy'}
        resource = server.create_instance(
            str(uuid.uuid4()),
            project_id=self.project,
            metrics={'instance.energy': policy},
        )
        metric = resource['metrics']['instance.energy']
        server.client().post(
            f'/v1/metric/{metric}/measures',
            json=[
                {'timestamp': midnight, 'value': 1.0},
                {'timestamp': midnight + DAY_S - 1, 'value': 1.0 + kwh},
            ],
        )
        server.measures(metric, 'rate:sum')
        return resource['id']

    def test_day_of_an_instance_is_rated(self):
        midnight = int(time.time()) // DAY_S * DAY_S
        instance = self.store_day(midnight, 2.4)

        (point,) = self.rate(
            midnight,
            1,
            collector='gnocchi',
            metrics=rating.INSTANCES,
            period=DAY_S,
        )

        self.assertEqual(
            (instance, self.project, 'web-1'),
            tuple(
                point['groupby'][name]
                for name in ('id', 'project_id', 'display_name')
            ),
        )
        self.assertAlmostEqual(2.4, float(point['quantity']), places=9)
        self.assertAlmostEqual(0.6, point['price'], places=9)

    def test_energy_that_can_change_is_not_rated(self):
        now = time.time()
        self.api.meter(
            self.probe, now, kwh=1.0, watts=100.0, elapsed=2 * silence.HOUR_S
        )
        self.charge()

        error = self.rate(now // silence.HOUR_S * silence.HOUR_S, 1)

        self.assertIn(f'the energy of probe "{self.probe}"', error)
        self.assertIn('is not final', error)

    def test_other_metrics_are_those_of_gnocchi(self):
        start = int(time.time()) // silence.HOUR_S * silence.HOUR_S
        client = base.shared(real_gnocchi.Gnocchi).client()
        client.post(
            '/v1/archive_policy',
            json={
                'name': 'other',
                'aggregation_methods': ['mean'],
                'definition': [{'granularity': '1:00:00', 'points': 10}],
            },
            raise_exc=False,
        )
        resource = client.post(
            '/v1/resource/generic',
            json={
                'id': str(uuid.uuid4()),
                'project_id': self.project,
                'metrics': {'power': {'archive_policy_name': 'other'}},
            },
        ).json()
        client.post(
            f'/v1/metric/{resource["metrics"]["power"]}/measures',
            json=[{'timestamp': start, 'value': 173.0}],
        )
        base.shared(real_gnocchi.Gnocchi).measures(
            resource['metrics']['power'], 'mean'
        )
        (metrics,) = self.create_tempfiles(
            [('metrics', METRICS.read_text() + OTHER)]
        )

        (point,) = self.rate(start, 1, metrics=metrics)

        self.assertEqual(
            ('power', 173.0), (point['metric'], float(point['quantity']))
        )
