# SPDX-License-Identifier: Apache-2.0


"""A device's times, on the monotonic clock: what is stale is no news."""

import datetime
from unittest import mock

from oslotest import base

from energy_meter import exception
from energy_meter.drivers import _timeline

WALL = 1_800_000_000.0


class TimelineTest(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.monotonic, self.wall = 500.0, WALL
        clocks = mock.patch.object(_timeline, 'time')
        self.addCleanup(clocks.stop)
        clock = clocks.start()
        clock.monotonic.side_effect = lambda: self.monotonic
        clock.time.side_effect = lambda: self.wall
        self.timeline = _timeline.Timeline('dev', max_age=60)

    def let_pass(self, seconds, step=0.0):
        """Let time pass, and the wall clock step."""
        self.monotonic += seconds
        self.wall += seconds + step

    def test_a_time_lies_as_far_back_as_the_clocks_tell(self):
        self.assertEqual(490.0, self.timeline.place('p', WALL - 10))

    def test_times_come_in_many_forms(self):
        moment = datetime.datetime.fromtimestamp(WALL - 1, datetime.UTC)
        for number, value in enumerate(
            [
                WALL - 1,
                int(WALL - 1),
                str(WALL - 1),
                moment,
                moment.replace(tzinfo=None),
                moment.isoformat(),
                moment.strftime('%Y-%m-%d %H:%M:%S'),
                moment.astimezone(
                    datetime.timezone(datetime.timedelta(hours=5))
                ).isoformat(),
            ]
        ):
            self.assertEqual(
                499.0, self.timeline.place(str(number), value), value
            )

    def test_a_time_seen_before_is_no_news(self):
        self.timeline.place('p', WALL - 10)

        self.assertIsNone(self.timeline.place('p', WALL - 10))
        self.assertIsNone(self.timeline.place('p', WALL - 11))

    def test_each_probe_has_its_own_news(self):
        self.timeline.place('p', WALL - 10)

        self.assertEqual(489.0, self.timeline.place('q', WALL - 11))

    def test_a_step_of_the_wall_clock_bends_no_interval(self):
        before = self.timeline.place('p', WALL)
        self.let_pass(1, step=30)

        after = self.timeline.place('p', WALL + 1)

        self.assertEqual(1.0, after - before)

    def test_a_device_clock_somewhat_ahead_is_taken_for_now(self):
        self.assertEqual(500.0, self.timeline.place('p', WALL + 5))

    def test_a_stale_time_is_an_error(self):
        e = self.assertRaises(
            exception.ProtocolError, self.timeline.place, 'p', WALL - 61
        )

        self.assertIn('dev: p: measured 61 s ago', str(e))

    def test_a_time_far_in_the_future_is_an_error(self):
        e = self.assertRaises(
            exception.ProtocolError, self.timeline.place, 'p', WALL + 3600
        )

        self.assertIn('3600 s in the future', str(e))

    def test_what_is_no_time_is_an_error(self):
        for value in (None, '', 'soon', True, float('nan'), [], {}):
            e = self.assertRaises(
                exception.ProtocolError, self.timeline.place, 'p', value
            )
            self.assertIn('is no time', str(e))

    def test_after_a_long_step_a_new_timeline_agrees_again(self):
        self.let_pass(1, step=7200)

        self.assertRaises(
            exception.ProtocolError, self.timeline.place, 'p', self.wall
        )
        again = _timeline.Timeline('dev', max_age=60)
        self.assertEqual(self.monotonic, again.place('p', self.wall))
