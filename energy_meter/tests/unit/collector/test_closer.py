# SPDX-License-Identifier: Apache-2.0

"""Thread of a collector that closes days."""

import random
import threading
import time
from unittest import mock

import fixtures

from energy_meter import log_throttle
from energy_meter.collector import closer
from energy_meter.collector import closing
from energy_meter.collector import metrics
from energy_meter.db import engine as db_engine
from energy_meter.telemetry import counters
from energy_meter.tests.unit.collector import agents
from energy_meter.tests.unit.collector import closings
from energy_meter.tests.unit.collector import databases
from energy_meter.tests.unit.db import base as db_base

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
START = (agents.EPOCH // DAY_MS + 1) * DAY_MS


class CloserTest(db_base.DatabaseTest):
    def setUp(self) -> None:
        super().setUp()
        self.stopping = threading.Event()
        self.counters = counters.Counters(metrics.COUNTERS)
        self.log = self.useFixture(fixtures.FakeLogger())
        self.closer = closer.Closer(
            self.engine,
            self.stopping,
            self.counters,
            log_throttle.ThrottledLogger(closer.LOG),
        )

    def meter(self, length: int, *probes: str) -> int:
        """Meter probes, and return the date of the last measurement."""
        generator = random.Random(1)
        running = [agents.Agent(probe, 'A', 1000) for probe in probes]
        for agent in running:
            agent.start(generator, START)
        for date in range(START + HOUR_MS, START + length + 1, HOUR_MS):
            for agent in running:
                databases.deliver(self.engine, agent.measure(date), date)
        return date

    def run_at(self, date: int, ahead: int = 0) -> None:
        """Run when the database's clock shows a date.

        :param ahead: how far it is ahead of the collector's clock.
        """
        with (
            mock.patch.object(db_engine, 'now', return_value=date),
            mock.patch.object(
                time, 'time', return_value=(date - ahead) / 1000
            ),
        ):
            self.closer.run()
        closings.assert_agree(self.engine, date)

    def metric(self, name: str, **labels: str) -> float | None:
        return self.counters.registry.get_sample_value(
            f'energy_meter_{name}', labels
        )

    def test_days_of_all_probes_are_closed(self):
        end = self.meter(20 * DAY_MS, 'p', 'q')

        self.run_at(end)

        for probe in 'p', 'q':
            self.assertEqual(19, len(closings.versions(self.engine, probe)))
        self.assertEqual(38, self.counters.value('closings', complete='true'))
        self.assertIn('Closed 38 days of 2 probes', self.log.output)

    def test_day_that_waits_is_reported_with_its_reason(self):
        self.meter(20 * HOUR_MS, 'p')

        self.run_at(START + 27 * HOUR_MS)

        waiting = self.metric(
            'closings_waiting', reason='measurements_missing'
        )
        self.assertEqual(1, waiting)
        self.assertEqual(
            0, self.metric('closings_waiting', reason='contested')
        )
        self.assertEqual(3600, self.metric('closing_lag_seconds'))

    def test_nothing_waits_once_days_are_closed(self):
        self.meter(20 * HOUR_MS, 'p')
        self.run_at(START + 27 * HOUR_MS)

        self.run_at(START + 92 * HOUR_MS)

        waiting = self.metric(
            'closings_waiting', reason='measurements_missing'
        )
        self.assertEqual(0, waiting)
        self.assertEqual(0, self.metric('closing_lag_seconds'))

    def test_clock_of_the_database_that_is_ahead_closes_no_day(self):
        end = self.meter(DAY_MS + HOUR_MS, 'p')

        self.run_at(end + 31 * DAY_MS, ahead=31 * DAY_MS)

        self.assertEqual([], closings.versions(self.engine))
        self.assertIn('ahead of this machine', self.log.output)

    def test_changed_days_are_reported_until_they_are_written(self):
        # Given a day that is closed without the marks of an hour,
        generator = random.Random(1)
        agent = agents.Agent('p', 'A', 1000)
        agent.start(generator, START)
        databases.deliver(self.engine, agent.measure(START), START)
        late = agent.measure(START + HOUR_MS)
        agent.milliwatts = 2000
        for date in range(START + 2 * HOUR_MS, START + 27 * HOUR_MS, HOUR_MS):
            databases.deliver(self.engine, agent.measure(date), date)
        self.run_at(START + 26 * HOUR_MS)

        # when they arrive,
        now = START + 28 * HOUR_MS
        databases.deliver(self.engine, late, now)
        databases.settle(self.engine, now)
        self.run_at(now)
        changed = self.metric('closings_waiting', reason='changed')
        self.run_at(now + 15 * MINUTE_MS)

        # then the day is reported until its new version is written.
        self.assertEqual(1, changed)
        self.assertEqual(0, self.metric('closings_waiting', reason='changed'))
        self.assertEqual(1, self.counters.value('restatements'))
        self.assertEqual(2, len(closings.versions(self.engine)))

    def test_collector_that_stops_ends_between_two_transactions(self):
        end = self.meter(20 * DAY_MS, 'p')
        self.useFixture(
            fixtures.MockPatchObject(
                closing,
                'close',
                side_effect=self.close_and_stop(closing.close),
            )
        )

        self.run_at(end)

        self.assertEqual(7, len(closings.versions(self.engine)))

    def close_and_stop(self, close):
        def stop(*arguments):
            self.stopping.set()
            return close(*arguments)

        return stop

    def test_collector_that_is_killed_leaves_nothing_half_done(self):
        end = self.meter(20 * DAY_MS, 'p')
        for module, name in (
            ('closed_days', 'insert'),
            ('fixing', 'fix'),
            ('changed_days', 'mark'),
        ):
            target = f'energy_meter.collector.closing.{module}.{name}'
            with mock.patch(target, side_effect=KeyboardInterrupt):
                self.assertRaises(KeyboardInterrupt, self.run_at, end)
            self.assertEqual([], closings.versions(self.engine))

        self.run_at(end)

        self.assertEqual(19, len(closings.versions(self.engine)))
