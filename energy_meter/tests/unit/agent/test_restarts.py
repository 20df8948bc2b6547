# SPDX-License-Identifier: Apache-2.0

"""An agent that is restarted often waits before it opens registers."""

import pathlib

import fixtures
from oslotest import base

from energy_meter.agent import restarts
from energy_meter.agent import state


class RestartsTest(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.log = self.useFixture(fixtures.FakeLogger('energy_meter.agent'))
        self.path = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        self.directory = state.StateDirectory(self.path)
        self.addCleanup(self.directory.close)
        self.timestamp = 1.7e9

    def start(self, pause):
        self.timestamp += pause
        return restarts.delay(self.directory, self.timestamp)

    def test_first_starts_do_not_wait(self):
        self.assertEqual([0.0] * 5, [self.start(1.0) for _ in range(5)])

    def test_more_starts_wait_longer_up_to_a_limit(self):
        for _ in range(5):
            self.start(1.0)

        self.assertEqual(
            [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0],
            [self.start(1.0) for _ in range(8)],
        )

    def test_three_hundred_starts_a_day_wait(self):
        delays = [self.start(288.0) for _ in range(300)]

        self.assertEqual(restarts.MAX_DELAY_S, delays[-1])
        self.assertLess((self.path / 'starts.json').stat().st_size, 500)

    def test_starts_of_the_hour_before_do_not_count(self):
        for _ in range(20):
            self.start(1.0)

        self.assertEqual(0.0, self.start(3600.0))

    def test_clock_that_was_set_back_does_not_wait_for_ever(self):
        for _ in range(20):
            self.start(1.0)

        self.assertEqual(0.0, self.start(-1e9))

    def test_corrupt_file_does_not_prevent_the_start(self):
        for content in ('[[', '{"a": 1}', '["x"]', 'null'):
            (self.path / 'starts.json').write_text(content)

            self.assertEqual(0.0, self.start(1.0), content)

    def test_full_disk_does_not_prevent_the_start(self):
        (self.path / 'starts.json.new').mkdir()

        self.assertEqual(0.0, self.start(1.0))

        self.assertIn('Cannot record this start', self.log.output)
