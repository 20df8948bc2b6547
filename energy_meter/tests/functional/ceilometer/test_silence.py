# SPDX-License-Identifier: Apache-2.0

"""Five hours without messages of an agent, in Gnocchi.

The bus is unreachable for the agent from 09:10 to 14:10. Its marks arrive
afterwards. Ceilometer polled the API each minute. The results are those of
doc/source/admin/gnocchi.rst.
"""

import itertools
import time
import uuid

from oslotest import base
import sqlalchemy as sa

from energy_meter import measurement
from energy_meter.clients import gnocchi
from energy_meter.clients import gnocchi_intervals as intervals
from energy_meter.cmd.manage import gnocchi_push
from energy_meter.collector import store
from energy_meter.db import closed_days
from energy_meter.db import curves
from energy_meter.db import engine as db_engine
from energy_meter.db import schema
from energy_meter.tests.functional.ceilometer import installation
from energy_meter.tests.functional.services import base as services

MINUTE_S = 60
HOUR_S = 3600
DAY_S = 86_400
MINUTES = 24 * 60

#: First minute without a message, and the first one with a message.
AWAY, BACK = 9 * 60 + 11, 14 * 60 + 10

MILLIJOULES_PER_WH = 3_600_000


def watts(minute):
    """Return the power in a minute of the day: more in each hour."""
    return 1000 + 50 * (minute // 60)


#: Energy in mJ by the end of each minute.
ENERGY = [
    *itertools.accumulate(
        (watts(minute) * MINUTE_S * 1000 for minute in range(MINUTES)),
        initial=0,
    )
]
#: Energy of each hour in Wh.
EXPECTED = [watts(hour * 60) for hour in range(24)]


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
        self.midnight = int(time.time()) // DAY_S * DAY_S - 2 * DAY_S

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
                    'timestamp': self.midnight + minute * MINUTE_S,
                    'value': ENERGY[minute] / 3.6e9,
                }
                for minute in minutes
            ],
        )
        self.gnocchi.measures(metric, 'last')

    def hours(self, metric, aggregation='rate:sum', unit_per_wh=0.001):
        """Return the hours in Wh; those without a measure are missing."""
        return {
            round(measure.start - self.midnight) // HOUR_S: round(
                measure.value / unit_per_wh, 3
            )
            for measure in self.gnocchi.measures(
                metric, aggregation, granularity=HOUR_S
            )
        }

    def total(self, metric):
        """Return the day in Wh."""
        (day,) = self.gnocchi.measures(metric, 'rate:sum', granularity=DAY_S)
        return round(day.value * 1000, 3)

    def measure(self, minute, is_mark):
        """Return the state of the only register."""
        return measurement.Measurement(
            probe=measurement.Probe(
                self.name, 'node', 'c1', 'bmc', 'dummy', 'agent'
            ),
            register=measurement.RegisterKey('agent-uuid', '0' * 16),
            after=None,
            synced=True,
            timestamp=(self.midnight + minute * MINUTE_S) * 1000,
            elapsed=minute * MINUTE_S * 1000,
            millijoules=ENERGY[minute],
            metered=minute * MINUTE_S * 1000,
            watts=None if is_mark else watts(minute),
            is_mark=is_mark,
        )

    def receive(self, arrival, minutes, is_mark):
        """Write the measurements of some minutes, which arrive at once.

        :param arrival: minute of the arrival.
        """
        with db_engine.writing(self.engine) as connection:
            store.write(
                connection,
                [self.measure(minute, is_mark) for minute in minutes],
                (self.midnight + arrival * MINUTE_S) * 1000 + 500,
            )

    def close(self):
        """Close the day."""
        day = self.midnight // DAY_S
        start = day * closed_days.DAY_MS
        dates = range(
            start, start + closed_days.DAY_MS + 1, closed_days.INTERVAL_MS
        )
        with curves.snapshot(self.engine) as connection:
            line = curves.load(connection, self.name)
        version = closed_days.ClosedDay(
            self.name,
            day,
            version=1,
            closed_at=start + 2 * closed_days.DAY_MS,
            complete=True,
            reason='',
            username='',
            edges=tuple(line.edge(date) for date in dates),
            clocks=tuple(
                line.clock(*pair) for pair in itertools.pairwise(dates)
            ),
        )
        with self.engine.begin() as connection:
            closed_days.insert(connection, [version])

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
        self.publish(metric, *range(AWAY))

        self.publish(metric, BACK)
        self.publish(metric, *range(BACK + 1, MINUTES))

        hours = self.hours(metric)
        self.assertEqual({10, 11, 12, 13}, {*range(24)} - {*hours})
        self.assertEqual((265.0, 1388.333), (hours[9], hours[14]))
        self.assertEqual(29_972.5, round(sum(hours.values()), 1))
        # Without the first and the last minute.
        self.assertEqual(37_764.167, self.total(metric))

    def test_hours_processed_late_have_the_silence_in_one(self):
        metric = self.create_metric()

        self.publish(metric, *range(AWAY), *range(BACK, MINUTES))

        hours = self.hours(metric)
        self.assertEqual((265.0, 9180.0), (hours[9], hours[14]))
        self.assertEqual(37_764.167, round(sum(hours.values()), 3))

    def test_pushed_intervals_are_exact(self):
        for minute in (*range(0, AWAY, 3), *range(BACK, MINUTES, 3)):
            self.receive(minute, [minute], is_mark=False)
        self.receive(BACK, range(15, BACK, 15), is_mark=True)
        self.receive(MINUTES, range(BACK, MINUTES + 1, 5), is_mark=True)
        self.close()

        metric = self.push()

        self.assertEqual(
            dict(enumerate(EXPECTED)),
            self.hours(metric, 'sum', MILLIJOULES_PER_WH),
        )
