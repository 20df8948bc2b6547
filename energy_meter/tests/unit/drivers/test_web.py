# SPDX-License-Identifier: Apache-2.0


"""URLs are checked, and never shown with what is secret in them."""

import types

from oslotest import base

from energy_meter import exception
from energy_meter.drivers import _web

SECRET_URL = 'https://meter:s3cret@pdu:8443/status?password=s3cret#s3cret'


class URLTest(base.BaseTestCase):
    def test_user_password_and_query_are_masked(self):
        self.assertEqual('https://pdu:8443/status', _web.masked(SECRET_URL))

    def test_good_urls_pass(self):
        for url in ('http://pdu', 'https://[::1]:8443/x?y', SECRET_URL):
            _web.check(url)

    def test_anything_else_is_an_error_that_does_not_show_it(self):
        for url in (
            '',
            'pdu',
            'ftp://s3cret@pdu',
            'http://',
            'http:///s3cret',
            'http://pdu:s3cret/',
            'http://[s3cret/',
        ):
            e = self.assertRaises(exception.DriverError, _web.check, url)
            self.assertNotIn('s3cret', str(e))
            self.assertIn('expected http', str(e))


class ReasonTest(base.BaseTestCase):
    def test_the_root_of_an_error_is_the_reason(self):
        try:
            try:
                raise ConnectionRefusedError(111, 'Connection refused')
            except OSError as e:
                raise ValueError(f'GET {SECRET_URL} failed') from e
        except ValueError as e:
            self.assertEqual('[Errno 111] Connection refused', _web.reason(e))

    def test_an_error_without_words_has_its_name(self):
        self.assertEqual('TimeoutError', _web.reason(TimeoutError()))


class VerificationTest(base.BaseTestCase):
    def options(self, **values):
        return types.SimpleNamespace(
            **{'verify': True, 'ca_file': None} | values
        )

    def test_certificates_are_verified_unless_told_otherwise(self):
        self.assertIs(True, _web.verification(self.options()))
        self.assertIs(False, _web.verification(self.options(verify=False)))

    def test_a_missing_file_of_authorities_is_named(self):
        e = self.assertRaises(
            exception.DriverError,
            _web.verification,
            self.options(ca_file='/nowhere/ca.pem'),
        )

        self.assertEqual(
            'ca_file = /nowhere/ca.pem: No such file or directory', str(e)
        )

    def test_a_file_without_certificates_is_named(self):
        e = self.assertRaises(
            exception.DriverError,
            _web.verification,
            self.options(ca_file=__file__),
        )

        self.assertIn(f'ca_file = {__file__}: ', str(e))
