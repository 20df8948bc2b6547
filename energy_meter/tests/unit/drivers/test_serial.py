# SPDX-License-Identifier: Apache-2.0

"""Serial ports: what comes, what doesn't, and errors with the port's name."""

import os

from oslotest import base

from energy_meter import exception
from energy_meter.drivers import _serial


class PortTest(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.meter, agent = os.openpty()
        self.addCleanup(os.close, agent)
        self.path = os.ttyname(agent)
        self.port = _serial.Port(self.path, 9600)
        self.port.open()
        self.addCleanup(self.port.close)

    def test_frames_come_with_a_pause_after_each_read(self):
        frames = self.port.frames(bytes.split, silence=10.0)
        os.write(self.meter, b'1 ')

        self.assertEqual([b'1', None], [next(frames), next(frames)])

    def test_what_is_no_frame_is_counted_as_silence(self):
        frames = self.port.frames(bytes.split, silence=0.0)
        os.write(self.meter, b' ')

        error = self.assertRaises(exception.DeviceUnreachable, next, frames)

        self.assertEqual(
            f'{self.path} did not answer: 1 bytes, but no valid '
            f'frame came in 0 s',
            str(error),
        )

    def test_what_is_written_arrives(self):
        self.port.write(b'hello')

        self.assertEqual(b'hello', os.read(self.meter, 5))

    def test_an_error_names_the_port(self):
        os.close(self.meter)

        for operation in (
            self.port.read,
            self.port.open,
            self.port.discard_input,
            lambda: self.port.write(b'x'),
        ):
            error = self.assertRaises(exception.DeviceUnreachable, operation)
            self.assertTrue(
                str(error).startswith(f'{self.path} did not answer: '), error
            )

    def test_a_port_that_is_not_there(self):
        port = _serial.Port('/dev/nowhere', 9600)

        error = self.assertRaises(exception.DeviceUnreachable, port.open)

        self.assertIn('No such file or directory', str(error))
