# SPDX-License-Identifier: Apache-2.0

"""Device timestamps on the monotonic clock."""

import datetime
from unittest import mock

from oslotest import base

from energy_meter import exception
from energy_meter.drivers.common import device_clock

EPOCH = 1_800_000_000.0


class DeviceClockTest(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.monotonic, self.timestamp = 500.0, EPOCH
        clocks = mock.patch.object(device_clock, 'time')
        self.addCleanup(clocks.stop)
        clock = clocks.start()
        clock.monotonic.side_effect = lambda: self.monotonic
        clock.time.side_effect = lambda: self.timestamp
        self.clock = device_clock.DeviceClock('dev', max_age=60)

    def advance(self, seconds, step=0.0):
        """Advance both clocks, and the wall clock by a step."""
        self.monotonic += seconds
        self.timestamp += seconds + step

    def test_age_is_the_difference_to_the_wall_clock(self):
        self.assertEqual(490.0, self.clock.to_monotonic('p', EPOCH - 10))

    def test_accepts_all_formats_of_time(self):
        moment = datetime.datetime.fromtimestamp(EPOCH - 1, datetime.UTC)
        for number, value in enumerate(
            [
                EPOCH - 1,
                int(EPOCH - 1),
                str(EPOCH - 1),
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
                499.0, self.clock.to_monotonic(str(number), value), value
            )

    def test_repeated_time_is_dropped(self):
        self.clock.to_monotonic('p', EPOCH - 10)

        self.assertIsNone(self.clock.to_monotonic('p', EPOCH - 10))
        self.assertIsNone(self.clock.to_monotonic('p', EPOCH - 11))

    def test_probes_are_independent(self):
        self.clock.to_monotonic('p', EPOCH - 10)

        self.assertEqual(489.0, self.clock.to_monotonic('q', EPOCH - 11))

    def test_step_of_wall_clock_does_not_change_intervals(self):
        before = self.clock.to_monotonic('p', EPOCH)
        self.advance(1, step=30)

        after = self.clock.to_monotonic('p', EPOCH + 1)

        self.assertEqual(1.0, after - before)

    def test_time_slightly_in_the_future_is_now(self):
        self.assertEqual(500.0, self.clock.to_monotonic('p', EPOCH + 5))

    def test_stale_time_is_an_error(self):
        e = self.assertRaises(
            exception.ProtocolError, self.clock.to_monotonic, 'p', EPOCH - 61
        )

        self.assertIn('dev: p: measured 61 s ago', str(e))

    def test_time_far_in_the_future_is_an_error(self):
        e = self.assertRaises(
            exception.ProtocolError, self.clock.to_monotonic, 'p', EPOCH + 3600
        )

        self.assertIn('3600 s in the future', str(e))

    def test_invalid_time_is_an_error(self):
        for value in (None, '', 'soon', True, float('nan'), [], {}):
            e = self.assertRaises(
                exception.ProtocolError, self.clock.to_monotonic, 'p', value
            )
            self.assertIn('is not a time', str(e))

    def test_new_clock_recovers_from_a_large_step(self):
        self.advance(1, step=7200)

        self.assertRaises(
            exception.ProtocolError,
            self.clock.to_monotonic,
            'p',
            self.timestamp,
        )
        new_clock = device_clock.DeviceClock('dev', max_age=60)
        self.assertEqual(
            self.monotonic, new_clock.to_monotonic('p', self.timestamp)
        )
