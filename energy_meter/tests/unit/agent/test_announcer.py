# SPDX-License-Identifier: Apache-2.0

"""Each mark is announced at once and again, whatever fails meanwhile."""

import pathlib

import fixtures
from oslotest import base

from energy_meter.agent import announcer
from energy_meter.agent import mark_buffer
from energy_meter.agent import state
from energy_meter.tests.unit.agent import test_mark_buffer

make_mark = test_mark_buffer.make_mark
DAY_S = 86_400.0


class AnnouncerTestCase(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.log = self.useFixture(fixtures.FakeLogger('energy_meter.agent'))
        self.path = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        self.monotonic = 0.0
        # Each flush makes a file.
        self.useFixture(
            fixtures.MockPatchObject(mark_buffer, '_MAX_FILE_BYTES', 1)
        )
        self.start()

    def start(self, announce_all=False):
        self.directory = state.StateDirectory(self.path)
        self.addCleanup(self.directory.close)
        self.buffer = mark_buffer.MarkBuffer(self.path / 'marks')
        self.announcer = announcer.Announcer(
            self.buffer, self.directory, announce_all
        )
        self.announcer.accept(self.monotonic)

    def restart(self, **options):
        self.announcer.close()
        self.directory.close()
        self.start(**options)

    def kill(self):
        self.directory.close()
        self.start()

    def put(self, *elapsed):
        """Buffer one mark in each of as many files."""
        for time in elapsed:
            self.buffer.put([make_mark(time)])
            self.announcer.collect()

    def run_for(self, seconds):
        """Advance the clock while the bus accepts messages."""
        self.monotonic += seconds
        self.announcer.accept(self.monotonic)

    def send_unsent(self, limit=100):
        return self.send(
            self.announcer.next_unsent, self.announcer.sent_unsent, limit
        )

    def send_repetitions(self, limit=100):
        return self.send(
            self.announcer.next_repetition,
            self.announcer.sent_repetition,
            limit,
        )

    def send(self, next_marks, sent, limit):
        elapsed = []
        while marks := next_marks(limit):
            elapsed += [mark.elapsed for mark in marks]
            sent()
        return elapsed


class UnsentTest(AnnouncerTestCase):
    def test_new_marks_are_announced_once(self):
        self.put(1, 2)

        self.assertEqual([1, 2], self.send_unsent())
        self.assertEqual([], self.send_unsent())

        self.put(3)
        self.assertEqual([3], self.send_unsent())

    def test_marks_are_returned_until_they_are_sent(self):
        self.put(1)

        self.assertEqual(
            self.announcer.next_unsent(10), self.announcer.next_unsent(10)
        )
        self.assertEqual([1], self.send_unsent())

    def test_batches_are_limited(self):
        self.buffer.put([make_mark(time) for time in range(7)])
        self.announcer.collect()

        first = self.announcer.next_unsent(5)

        self.assertEqual(5, len(first))
        self.announcer.sent_unsent()
        self.assertEqual([5, 6], self.send_unsent())

    def test_size_of_marks_is_known_until_they_are_sent(self):
        self.assertEqual(0, self.announcer.unsent_size())

        self.put(1, 2)
        self.assertEqual(self.buffer.size(), self.announcer.unsent_size())
        self.announcer.next_unsent(10)
        self.assertEqual(self.buffer.size(), self.announcer.unsent_size())

        self.send_unsent()
        self.assertEqual(0, self.announcer.unsent_size())
        self.assertGreater(self.buffer.size(), 0)

    def test_restart_does_not_repeat_what_was_sent(self):
        self.put(1, 2)
        self.send_unsent()
        self.put(3)

        self.restart()

        self.assertEqual([3], self.send_unsent())

    def test_killed_agent_repeats_what_it_may_have_sent(self):
        self.put(1)
        self.send_unsent()

        self.kill()

        self.assertEqual([1], self.send_unsent())

    def test_all_marks_are_announced_on_request(self):
        self.put(1, 2)
        self.send_unsent()

        self.restart(announce_all=True)

        self.assertEqual([1, 2], self.send_unsent())
        self.assertEqual([], self.send_unsent())

    def test_marks_survive_a_corrupt_progress(self):
        self.put(1)
        self.send_unsent()
        self.restart()
        (self.path / 'announcements.json').write_text('[[')

        self.kill()

        self.assertEqual([1], self.send_unsent())
        self.assertIn('All marks are announced again', self.log.output)

    def test_marks_that_cannot_be_written_are_announced_once(self):
        with fixtures.MockPatchObject(
            mark_buffer.os, 'fsync', side_effect=OSError(28, 'full')
        ):
            self.put(1, 2)

        self.assertEqual([1], self.send_unsent())
        self.put(3)
        self.assertEqual([2, 3], self.send_unsent())


class RepetitionTest(AnnouncerTestCase):
    def test_marks_are_repeated_at_each_age(self):
        self.put(1)
        self.send_unsent()
        repeated_at = []

        self.run_for(0.0)
        for _ in range(4 * 144):
            self.run_for(600.0)
            if self.send_repetitions():
                repeated_at.append(self.monotonic)

        self.assertEqual(list(announcer.SCHEDULE_S), repeated_at)

    def test_unsent_marks_are_not_repeated(self):
        self.put(1)

        self.run_for(DAY_S)

        self.assertEqual([], self.send_repetitions())

    def test_time_of_an_outage_does_not_count(self):
        self.put(1)
        self.send_unsent()
        self.run_for(0.0)
        self.run_for(500.0)

        self.announcer.fail()
        self.run_for(10 * DAY_S)

        self.assertEqual([], self.send_repetitions())
        self.run_for(100.0)
        self.assertEqual([1], self.send_repetitions())

    def test_running_time_continues_after_a_restart(self):
        self.put(1)
        self.send_unsent()
        self.run_for(0.0)
        self.run_for(500.0)

        self.restart()
        self.run_for(100.0)

        self.assertEqual([1], self.send_repetitions())

    def test_missed_repetitions_are_not_made_up_for(self):
        self.put(1)
        self.send_unsent()
        self.run_for(0.0)

        self.run_for(2 * DAY_S)

        self.assertEqual([1], self.send_repetitions())

    def test_marks_are_returned_until_they_are_sent(self):
        self.put(1, 2)
        self.send_unsent()
        self.run_for(0.0)
        self.run_for(600.0)

        self.assertEqual(
            self.announcer.next_repetition(10),
            self.announcer.next_repetition(10),
        )
        self.assertEqual([1, 2], self.send_repetitions())

    def test_files_are_deleted_after_four_days(self):
        self.put(1)
        self.send_unsent()
        self.run_for(0.0)
        self.put(2)

        self.run_for(announcer.KEEP_S - 1)
        self.assertEqual([1, 2], self.buffer.numbers())

        # The other was never sent.
        self.run_for(1)
        self.assertEqual([2], self.buffer.numbers())

    def test_deleted_file_is_not_repeated(self):
        self.put(1)
        self.send_unsent()
        self.run_for(0.0)
        self.buffer.delete(1)

        self.run_for(600.0)

        self.assertEqual([], self.send_repetitions())

    def test_progress_that_cannot_be_saved_is_logged(self):
        (self.path / 'announcements.json.new').mkdir()

        self.run_for(60.0)

        self.assertIn('Cannot save which marks', self.log.output)
