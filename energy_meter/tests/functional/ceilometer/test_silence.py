# SPDX-License-Identifier: Apache-2.0

"""Five hours without messages of an agent, in Gnocchi.

Ceilometer polled the API each minute. The results are those of
doc/source/admin/gnocchi.rst.
"""

import time
import uuid

from oslotest import base
import sqlalchemy as sa

from energy_meter.clients import gnocchi
from energy_meter.clients import gnocchi_intervals as intervals
from energy_meter.cmd.manage import gnocchi_push
from energy_meter.db import schema
from energy_meter.tests.functional.ceilometer import installation
from energy_meter.tests.functional.ceilometer import silence
from energy_meter.tests.functional.services import base as services


class SilenceTest(base.BaseTestCase):
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
        self.name = f'node-{uuid.uuid4().hex}'
        self.midnight = (
            int(time.time()) // silence.DAY_S * silence.DAY_S
            - 2 * silence.DAY_S
        )

    def create_metric(self):
        """Return the ID of a metric as Ceilometer creates it."""
        return (
            self.gnocchi.client()
            .post(
                '/v1/metric',
                json={'archive_policy_name': gnocchi.ENERGY_POLICY},
            )
            .json()['id']
        )

    def publish(self, metric, *minutes):
        """Write the samples of these polls at once, and process them."""
        self.gnocchi.client().post(
            f'/v1/metric/{metric}/measures',
            json=[
                {
                    'timestamp': self.midnight + minute * silence.MINUTE_S,
                    'value': silence.ENERGY[minute] / 3.6e9,
                }
                for minute in minutes
            ],
        )
        self.gnocchi.measures(metric, 'last')

    def hours(self, metric, aggregation='rate:sum', unit_per_wh=0.001):
        """Return the hours in Wh; those without a measure are missing."""
        return {
            round(measure.start - self.midnight) // silence.HOUR_S: round(
                measure.value / unit_per_wh, 3
            )
            for measure in self.gnocchi.measures(
                metric, aggregation, granularity=silence.HOUR_S
            )
        }

    def total(self, metric):
        """Return the day in Wh."""
        (day,) = self.gnocchi.measures(
            metric, 'rate:sum', granularity=silence.DAY_S
        )
        return round(day.value * 1000, 3)

    def push(self):
        """Transfer the day, and return the ID of the metric."""
        gnocchi_push.Push(
            self.engine,
            intervals.IntervalMetrics(gnocchi.connect(self.cloud)),
            intervals.QUARTER_HOUR_S,
            lambda line: None,
            self.fail,
        ).run([intervals.Probe(self.name, 'node', 'c1', 'bmc', None)])
        (resource,) = self.gnocchi.resources(self.name, 'energy_probe')
        return resource['metrics'][intervals.METRIC]

    def test_hours_of_the_cumulative_meter_lose_the_silence(self):
        metric = self.create_metric()
        self.publish(metric, *range(silence.AWAY))

        self.publish(metric, silence.BACK)
        self.publish(metric, *range(silence.BACK + 1, silence.MINUTES))

        hours = self.hours(metric)
        self.assertEqual({10, 11, 12, 13}, {*range(24)} - {*hours})
        self.assertEqual((265.0, 1388.333), (hours[9], hours[14]))
        self.assertEqual(29_972.5, round(sum(hours.values()), 1))
        # Without the first and the last minute.
        self.assertEqual(37_764.167, self.total(metric))

    def test_hours_processed_late_have_the_silence_in_one(self):
        metric = self.create_metric()

        self.publish(
            metric, *range(silence.AWAY), *range(silence.BACK, silence.MINUTES)
        )

        hours = self.hours(metric)
        self.assertEqual((265.0, 9180.0), (hours[9], hours[14]))
        self.assertEqual(37_764.2, round(sum(hours.values()), 1))

    def test_pushed_intervals_are_exact(self):
        silence.Silence(self.engine, self.name)

        metric = self.push()

        self.assertEqual(
            dict(enumerate(silence.EXPECTED)),
            self.hours(metric, 'sum', silence.MILLIJOULES_PER_WH),
        )
