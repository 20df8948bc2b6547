# SPDX-License-Identifier: Apache-2.0

"""Alarms of probes."""

import random
from unittest import mock

import sqlalchemy as sa

from energy_meter import log_throttle
from energy_meter.collector import alarms
from energy_meter.collector import metrics
from energy_meter.db import schema
from energy_meter.telemetry import counters
from energy_meter.tests.unit.collector import agents
from energy_meter.tests.unit.collector import databases
from energy_meter.tests.unit.db import base as db_base

HOUR_MS = 3_600_000


class AlarmsTest(db_base.DatabaseTest):
    def setUp(self) -> None:
        super().setUp()
        self.log = mock.Mock()
        self.counters = counters.Counters(metrics.COUNTERS)
        self.alarms = alarms.Alarms(
            self.counters, log_throttle.ThrottledLogger(self.log)
        )

    def meter(self, agent: agents.Agent, since: int = 1) -> None:
        """Meter in a new register, with measurements that arrive at once."""
        start = self.now - since * HOUR_MS
        agent.start(random.Random(since), start)
        for minutes in 0, 2, 4, 30:
            date = start + minutes * 60_000
            databases.deliver(self.engine, agent.measure(date), date)

    def report(self) -> dict[str, str]:
        """Settle and report; return the alarms of each probe."""
        databases.settle(self.engine, self.now)
        self.alarms.report(self.engine)
        with self.engine.connect() as connection:
            rows = connection.execute(
                sa.select(schema.probe.c.id, schema.probe.c.alarms)
            )
            return {probe: text for probe, text in rows if text}

    def count(self, alarm: str) -> float:
        return self.counters.value('alarms_raised', alarm=alarm)

    def test_probe_without_reason_has_no_alarm(self):
        self.meter(agents.Agent('p', 'A', 1))

        self.assertEqual({}, self.report())

        self.log.warning.assert_not_called()

    def test_wrong_clock_of_the_only_agent_raises_an_alarm(self):
        self.meter(agents.Agent('p', 'A', 1, HOUR_MS))
        self.meter(agents.Agent('q', 'A', 1, -HOUR_MS))

        self.assertEqual(
            {'p': 'clock_ahead', 'q': 'clock_behind'}, self.report()
        )

    def test_alarm_ends_with_the_next_register(self):
        agent = agents.Agent('p', 'A', 1, HOUR_MS)
        self.meter(agent, 3)
        self.report()

        agent.skew = 0
        self.meter(agent, 2)

        self.assertEqual({}, self.report())

    def test_two_agents_of_one_probe_raise_an_alarm(self):
        self.meter(agents.Agent('p', 'A', 1))
        self.meter(agents.Agent('p', 'B', 1))

        self.assertEqual({'p': 'concurrent_agents'}, self.report())

    def test_agent_that_runs_twice_raises_an_alarm(self):
        agent = agents.Agent('p', 'A', 1)
        self.meter(agent, 3)
        copy = agents.Agent('p', 'A', 1)
        copy.register, copy.opened, copy.last = (
            agent.register,
            agent.opened,
            agent.last,
        )
        self.meter(agent, 2)
        self.meter(copy, 1)
        copy.last = agent.last = self.now
        databases.deliver(self.engine, agent.measure(self.now), self.now)
        databases.deliver(self.engine, copy.measure(self.now), self.now)

        self.assertEqual({'p': 'copied_state'}, self.report())

    def test_alarm_is_counted_and_logged_once(self):
        self.meter(agents.Agent('p', 'A', 1, HOUR_MS))

        self.report()
        self.report()

        self.assertEqual(1, self.count('clock_ahead'))
        self.log.warning.assert_called_once()
        self.assertIn('A', self.log.warning.call_args.args)

    def test_alarms_of_one_agent_are_logged_together(self):
        for probe in 'p', 'q', 'r':
            self.meter(agents.Agent(probe, 'A', 1, HOUR_MS))

        self.report()

        self.assertEqual(3, self.count('clock_ahead'))
        self.log.warning.assert_called_once()

    def test_all_alarms_are_declared(self):
        names = {
            sample.labels['alarm']
            for family in self.counters.registry.collect()
            for sample in family.samples
            if 'alarm' in sample.labels
        }

        self.assertEqual(set(alarms.NAMES), names)
