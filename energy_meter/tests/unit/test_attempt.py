# SPDX-License-Identifier: Apache-2.0

"""Errors are handled after the ``except`` block has ended."""

import sys

from oslotest import base

from energy_meter import attempt


class CallTest(base.BaseTestCase):
    def test_result_is_returned(self):
        self.assertEqual(
            ('result', None), attempt.call(lambda: 'result', ValueError)
        )

    def test_error_is_returned_and_no_longer_active(self):
        result, error = attempt.call(lambda: int('x'), ValueError)

        self.assertIsNone(result)
        self.assertIsInstance(error, ValueError)
        self.assertIsNone(sys.exc_info()[0])

    def test_error_of_any_given_type_is_returned(self):
        _, error = attempt.call(lambda: int('x'), (KeyError, ValueError))

        self.assertIsInstance(error, ValueError)

    def test_other_errors_propagate(self):
        self.assertRaises(ValueError, attempt.call, lambda: int('x'), KeyError)
