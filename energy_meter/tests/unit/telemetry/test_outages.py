# SPDX-License-Identifier: Apache-2.0

"""An outage is logged when it begins, once a minute, and when it ends."""

import logging
import sys

import fixtures
import hypothesis
from hypothesis import strategies
from oslotest import base

from energy_meter.telemetry import counters
from energy_meter.telemetry import outages

LOG = logging.getLogger(__name__)
TASK = outages.Task(
    'database', 'write', 'measurements wait', 'measurements waiting'
)


class OutageTest(base.BaseTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.logger = self.useFixture(fixtures.FakeLogger(__name__))
        self.monotonic = 100.0
        self.counters = counters.Counters(outages.definitions('database'))
        self.outage = self.make()

    def make(self) -> outages.Outage:
        return outages.Outage(TASK, LOG, self.counters, lambda: self.monotonic)

    def lines(self) -> list[str]:
        return self.logger.output.splitlines()

    def value(self, name: str) -> float:
        return self.counters.value(name, peer='database')

    def test_beginning_is_logged_with_reason_and_consequence(self):
        self.outage.fail('refused', 3)

        self.assertEqual(
            ['Cannot write (refused); measurements wait'], self.lines()
        )

    def test_outage_is_logged_once_a_minute(self):
        # Given an outage with an attempt per second,
        for second in range(200):
            self.monotonic = 100.0 + second
            self.outage.fail('refused', second)

        # then it has a line after each minute.
        self.assertEqual(
            [
                f'Cannot write for {seconds} s (refused); measurements '
                f'waiting: {seconds}'
                for seconds in (60, 120, 180)
            ],
            self.lines()[1:],
        )

    def test_end_is_logged_with_duration_and_what_waited(self):
        self.outage.fail('refused', 7)
        self.outage.fail('refused', 5)
        self.monotonic += 42

        self.outage.succeed()
        self.outage.succeed()

        self.assertEqual(
            ['Can write again after 42 s; measurements waiting: 7'],
            self.lines()[1:],
        )

    def test_success_without_outage_is_not_logged(self):
        self.outage.succeed()

        self.assertEqual([], self.lines())

    def test_next_outage_is_logged_at_once(self):
        self.outage.fail('refused', 7)
        self.outage.succeed()

        self.outage.fail('gone')
        self.outage.succeed()

        self.assertEqual(
            [
                'Cannot write (gone); measurements wait',
                'Can write again after 0 s',
            ],
            self.lines()[2:],
        )

    def test_outage_ends_when_all_users_succeed(self):
        self.outage.fail('refused', user='writer')
        self.outage.fail('refused', user='settler')

        self.outage.succeed('writer')
        self.outage.succeed('another')
        self.assertEqual(1, len(self.lines()))

        self.outage.succeed('settler')
        self.assertEqual(2, len(self.lines()))
        self.assertEqual(1, self.value('outages'))

    def test_seconds_are_counted_during_the_outage(self):
        self.outage.fail('refused')
        self.monotonic += 10
        self.outage.fail('refused')
        self.assertEqual(10, self.value('outage_seconds'))

        self.monotonic += 5
        self.outage.succeed()
        self.monotonic += 100
        self.outage.fail('refused')

        self.assertEqual(15, self.value('outage_seconds'))
        self.assertEqual(2, self.value('outages'))

    @hypothesis.given(
        strategies.lists(
            strategies.floats(min_value=0.0, max_value=200.0), max_size=50
        )
    )
    def test_lines_and_seconds_are_bounded_by_the_duration(self, pauses):
        outage, before = self.make(), len(self.lines())
        counted = self.value('outage_seconds')
        began = self.monotonic
        outage.fail('refused')
        for pause in pauses:
            self.monotonic += pause
            outage.fail('refused')
        outage.succeed()

        duration = self.monotonic - began
        lines = len(self.lines()) - before
        self.assertGreaterEqual(lines, 2)
        self.assertLessEqual(lines, 2 + duration / outages.Outage.INTERVAL_S)
        self.assertAlmostEqual(
            duration, self.value('outage_seconds') - counted, places=6
        )

    def test_active_exception_is_not_part_of_the_line(self):
        # Given a formatter that appends the active exception, as oslo.log
        # does,
        active = []
        handler = logging.Handler()
        handler.emit = lambda _: active.append(sys.exc_info()[0])
        LOG.addHandler(handler)
        self.addCleanup(LOG.removeHandler, handler)

        # when an outage is reported in an ``except`` block,
        try:
            raise OSError('secret')
        except OSError:
            self.outage.fail('refused')

        # then it finds none.
        self.assertEqual([None], active)
