# SPDX-License-Identifier: Apache-2.0

"""Checks of URLs and CA files, and error texts without secrets."""

import types

from oslotest import base

from energy_meter import exception
from energy_meter.drivers.common import http

SECRET_URL = 'https://meter:s3cret@pdu:8443/status?password=s3cret#s3cret'


class URLTest(base.BaseTestCase):
    def test_user_password_and_query_are_masked(self):
        self.assertEqual('https://pdu:8443/status', http.masked(SECRET_URL))

    def test_valid_urls_are_accepted(self):
        for url in ('http://pdu', 'https://[::1]:8443/x?y', SECRET_URL):
            http.check(url)

    def test_invalid_url_is_an_error_without_the_url(self):
        for url in (
            '',
            'pdu',
            'ftp://s3cret@pdu',
            'http://',
            'http:///s3cret',
            'http://pdu:s3cret/',
            'http://[s3cret/',
        ):
            e = self.assertRaises(exception.DriverError, http.check, url)
            self.assertNotIn('s3cret', str(e))
            self.assertIn('expected http', str(e))


class ReasonTest(base.BaseTestCase):
    def test_reason_is_the_root_cause(self):
        try:
            try:
                raise ConnectionRefusedError(111, 'Connection refused')
            except OSError as e:
                raise ValueError(f'GET {SECRET_URL} failed') from e
        except ValueError as e:
            self.assertEqual('[Errno 111] Connection refused', http.reason(e))

    def test_error_without_text_is_named_by_its_class(self):
        self.assertEqual('TimeoutError', http.reason(TimeoutError()))


class VerificationTest(base.BaseTestCase):
    def options(self, **values):
        return types.SimpleNamespace(
            **{'verify': True, 'ca_file': None} | values
        )

    def test_certificates_are_verified_by_default(self):
        self.assertIs(True, http.verification(self.options()))
        self.assertIs(False, http.verification(self.options(verify=False)))

    def test_missing_ca_file_is_an_error_with_its_path(self):
        e = self.assertRaises(
            exception.DriverError,
            http.verification,
            self.options(ca_file='/nowhere/ca.pem'),
        )

        self.assertEqual(
            'ca_file = /nowhere/ca.pem: No such file or directory', str(e)
        )

    def test_ca_file_without_certificates_is_an_error_with_its_path(self):
        e = self.assertRaises(
            exception.DriverError,
            http.verification,
            self.options(ca_file=__file__),
        )

        self.assertIn(f'ca_file = {__file__}: ', str(e))
