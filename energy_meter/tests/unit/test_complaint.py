# SPDX-License-Identifier: Apache-2.0


"""Complaints that don't flood the log."""

import logging

import fixtures
from oslotest import base

from energy_meter import complaint

LOG = logging.getLogger(__name__)
MINUTE = 60.0


class ComplaintsTest(base.BaseTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.logger = self.useFixture(fixtures.FakeLogger())
        self.now = 0.0
        self.complaints = complaint.Complaints(LOG, lambda: self.now)

    def complain(self, topic: str = 'topic') -> None:
        self.complaints.complain(topic, 'no answer of %s', topic)

    def lines(self) -> list[str]:
        return self.logger.output.splitlines()

    def test_first_complaint_is_logged_at_once(self):
        self.complain()
        self.assertEqual(['no answer of topic'], self.lines())

    def test_repetitions_within_a_minute_are_counted_only(self):
        for _ in range(1001):
            self.complain()
        self.assertEqual(1, len(self.lines()))
        self.now = MINUTE
        self.complain()
        self.assertEqual(
            'no answer of topic (1000 more like it since the last time)',
            self.lines()[1],
        )

    def test_pause_doubles_up_to_an_hour(self):
        moments = []
        for minute in range(10 * 60):
            self.now, before = minute * MINUTE, len(self.lines())
            self.complain()
            if len(self.lines()) > before:
                moments.append(minute)
        self.assertEqual([0, 1, 3, 7, 15, 31, 63, 123, 183], moments[:9])

    def test_topics_are_told_apart(self):
        self.complain('one')
        self.complain('two')
        self.assertEqual(
            ['no answer of one', 'no answer of two'], self.lines()
        )

    def test_end_of_a_complaint_is_told_once(self):
        self.complain()
        self.complaints.settle('topic', '%s is back', 'topic')
        self.complaints.settle('topic', '%s is back', 'topic')
        self.assertEqual(['no answer of topic', 'topic is back'], self.lines())

    def test_nothing_is_settled_that_was_no_trouble(self):
        self.complaints.settle('topic', 'is back')
        self.assertEqual([], self.lines())

    def test_complaint_after_a_settlement_is_logged_at_once(self):
        self.complain()
        self.complaints.settle('topic', 'is back')
        self.complain()
        self.assertEqual(3, len(self.lines()))

    def test_oldest_topics_are_forgotten_beyond_the_bound(self):
        self.complaints.MOST_TOPICS = 2
        for topic in ('one', 'two', 'three', 'two', 'one'):
            self.complain(topic)
        self.assertEqual(
            [
                'no answer of one',
                'no answer of two',
                'no answer of three',
                'no answer of one',
            ],
            self.lines(),
        )
