# SPDX-License-Identifier: Apache-2.0

"""Serial ports and frames, and errors with the name of the port."""

import os

from oslotest import base

from energy_meter import exception
from energy_meter.drivers.common import serial


class PortTest(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.meter, agent = os.openpty()
        self.addCleanup(os.close, agent)
        self.path = os.ttyname(agent)
        self.port = serial.Port(self.path, 9600)
        self.port.open()
        self.addCleanup(self.port.close)

    def test_each_read_returns_the_frames_that_arrived(self):
        frames = serial.FrameReader(self.port, bytes.split, timeout=10.0)

        os.write(self.meter, b'1 2 ')
        self.assertEqual([b'1', b'2'], frames.read())
        os.write(self.meter, b' ')
        self.assertEqual([], frames.read())

    def test_bytes_without_a_frame_are_an_error_after_the_timeout(self):
        frames = serial.FrameReader(self.port, bytes.split, timeout=0.0)
        os.write(self.meter, b' ')

        error = self.assertRaises(exception.DeviceUnreachable, frames.read)

        self.assertEqual(
            f'{self.path} did not answer: 1 bytes, but no valid '
            f'frame came in 0 s',
            str(error),
        )

    def test_written_bytes_arrive(self):
        self.port.write(b'hello')

        self.assertEqual(b'hello', os.read(self.meter, 5))

    def test_full_buffer_is_an_error_after_the_timeout(self):
        port = serial.PolledSerial(self.path, write_timeout=0.0)
        self.addCleanup(port.close)
        os.set_blocking(self.meter, False)

        error = self.assertRaises(OSError, port.write, bytes(1_000_000))

        self.assertIn('Write timeout', str(error))

    def test_unplugged_port_is_an_error(self):
        port = serial.PolledSerial(self.path, timeout=10.0)
        self.addCleanup(port.close)
        os.close(self.meter)

        self.assertRaises(OSError, port.read)

    def test_errors_name_the_port(self):
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

    def test_missing_port_is_an_error(self):
        port = serial.Port('/dev/nowhere', 9600)

        error = self.assertRaises(exception.DeviceUnreachable, port.open)

        self.assertIn('No such file or directory', str(error))
