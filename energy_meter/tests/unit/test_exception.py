# SPDX-License-Identifier: Apache-2.0

"""Errors and their texts."""

from oslotest import base

from energy_meter import exception


class DriverErrorTest(base.BaseTestCase):
    def test_text_is_plain_or_made_from_the_template(self):
        for error, text in (
            (exception.DriverError('path: 100% off'), 'path: 100% off'),
            (exception.ProtocolError('no frame'), 'no frame'),
            (exception.DeviceUnreachable('no answer'), 'no answer'),
            (exception.AuthenticationFailed('bad key'), 'bad key'),
            (exception.DriverError(reason='no answer'), 'no answer'),
            (
                exception.ProtocolError(device='pdu', reason='no frame'),
                'pdu: no frame',
            ),
        ):
            self.assertIsInstance(error, exception.DriverError)
            self.assertEqual(text, str(error))

    def test_long_text_of_a_device_is_cut(self):
        error = exception.ProtocolError(device='pdu', reason='x' * 60_000)

        self.assertEqual('pdu: ' + 992 * 'x' + '...', str(error))
        self.assertEqual(exception.DriverError.max_length, len(str(error)))
