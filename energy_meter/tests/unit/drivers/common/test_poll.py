# SPDX-License-Identifier: Apache-2.0

"""Waiting for file descriptors."""

import socket

from oslotest import base

from energy_meter.drivers.common import poll


class WaitTest(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.ours, self.theirs = socket.socketpair()
        self.addCleanup(self.ours.close)
        self.addCleanup(self.theirs.close)

    def wait(self, events: int, timeout: float = 0.0) -> int:
        return poll.wait(self.ours.fileno(), events, timeout)

    def test_descriptor_with_data_is_readable(self):
        self.theirs.send(b'x')

        self.assertEqual(poll.READABLE, self.wait(poll.READABLE, 10.0))

    def test_only_requested_events_are_returned(self):
        self.theirs.send(b'x')

        self.assertEqual(poll.WRITABLE, self.wait(poll.WRITABLE))
        self.assertEqual(
            poll.READABLE | poll.WRITABLE,
            self.wait(poll.READABLE | poll.WRITABLE),
        )

    def test_end_of_stream_ends_the_wait(self):
        self.theirs.close()

        self.assertTrue(self.wait(poll.READABLE, 10.0))

    def test_no_event_within_the_timeout_is_zero(self):
        for timeout in (-1.0, 0.0, 0.001):
            self.assertEqual(0, self.wait(poll.READABLE, timeout))
