# SPDX-License-Identifier: Apache-2.0

"""Repeated warnings are logged at growing intervals."""

import logging

import fixtures
from oslotest import base

from energy_meter import log_throttle

LOG = logging.getLogger(__name__)
MINUTE = 60.0


class ThrottledLoggerTest(base.BaseTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.logger = self.useFixture(fixtures.FakeLogger())
        self.monotonic = 0.0
        self.throttled_log = log_throttle.ThrottledLogger(
            LOG, lambda: self.monotonic
        )

    def warning(self, topic: str = 'topic') -> None:
        self.throttled_log.warning(topic, 'no answer from %s', topic)

    def lines(self) -> list[str]:
        return self.logger.output.splitlines()

    def test_first_warning_is_logged_at_once(self):
        self.warning()
        self.assertEqual(['no answer from topic'], self.lines())

    def test_repetitions_within_a_minute_are_only_counted(self):
        for _ in range(1001):
            self.warning()
        self.assertEqual(1, len(self.lines()))
        self.monotonic = MINUTE
        self.warning()
        self.assertEqual(
            'no answer from topic (repeated 1000 times)',
            self.lines()[1],
        )

    def test_interval_doubles_up_to_an_hour(self):
        minutes = []
        for minute in range(10 * 60):
            self.monotonic, before = minute * MINUTE, len(self.lines())
            self.warning()
            if len(self.lines()) > before:
                minutes.append(minute)
        self.assertEqual([0, 1, 3, 7, 15, 31, 63, 123, 183], minutes[:9])

    def test_topics_are_throttled_separately(self):
        self.warning('one')
        self.warning('two')
        self.assertEqual(
            ['no answer from one', 'no answer from two'], self.lines()
        )

    def test_recovery_is_logged_once(self):
        self.warning()
        self.throttled_log.recovered('topic', '%s is reachable again', 'topic')
        self.throttled_log.recovered('topic', '%s is reachable again', 'topic')
        self.assertEqual(
            ['no answer from topic', 'topic is reachable again'], self.lines()
        )

    def test_recovery_without_warning_is_not_logged(self):
        self.throttled_log.recovered('topic', 'is reachable again')
        self.assertEqual([], self.lines())

    def test_warning_after_recovery_is_logged_at_once(self):
        self.warning()
        self.throttled_log.recovered('topic', 'is reachable again')
        self.warning()
        self.assertEqual(3, len(self.lines()))

    def test_oldest_topics_are_discarded_beyond_the_limit(self):
        self.throttled_log.MAX_TOPICS = 2
        for topic in ('one', 'two', 'three', 'two', 'one'):
            self.warning(topic)
        self.assertEqual(
            [
                'no answer from one',
                'no answer from two',
                'no answer from three',
                'no answer from one',
            ],
            self.lines(),
        )

    def test_subjects_are_throttled_separately(self):
        for subject in ('north', 'south', 'north'):
            self.throttled_log.warning('t', 'of %s', subject, subject=subject)

        self.assertEqual(['of north', 'of south'], self.lines())

    def test_invented_subjects_are_logged_as_one(self):
        for number in range(5000):
            self.throttled_log.warning(
                't', 'of %d', number, subject=f'{number}'
            )

        self.assertEqual(21, len(self.lines()))

    def test_another_topic_is_logged_beside_invented_subjects(self):
        for number in range(5000):
            self.throttled_log.warning(
                't', 'of %d', number, subject=f'{number}'
            )
        self.warning('database')

        self.assertEqual('no answer from database', self.lines()[-1])

    def test_subjects_are_logged_again_after_invented_ones(self):
        for number in range(5000):
            self.throttled_log.warning(
                't', 'of %d', number, subject=f'{number}'
            )
        self.monotonic = 60 * MINUTE

        self.throttled_log.warning('t', 'of honest', subject='honest')

        self.assertEqual('of honest', self.lines()[-1])
