# SPDX-License-Identifier: Apache-2.0

"""Methods of attribution are entry points."""

import importlib.metadata
from unittest import mock

from oslotest import base

from energy_meter import exception
from energy_meter.billing import attribution_methods


class LoadTest(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        method = attribution_methods.ReservedAndCPU
        self.patch = mock.patch(
            'importlib.metadata.entry_points',
            return_value=importlib.metadata.EntryPoints(
                [
                    importlib.metadata.EntryPoint(
                        method.name,
                        f'{method.__module__}:{method.__name__}',
                        attribution_methods.NAMESPACE,
                    )
                ]
            ),
        )

    def test_method_is_loaded_by_name(self):
        with self.patch:
            method = attribution_methods.load('reserved-and-cpu')

        self.assertIs(attribution_methods.ReservedAndCPU, method)

    def test_unknown_method_is_an_error_that_names_the_installed(self):
        with self.patch:
            error = self.assertRaises(
                exception.AttributionMethodNotFound,
                attribution_methods.load,
                'cpu',
            )

        self.assertEqual(
            'attribution method cpu not found; expected one of '
            'reserved-and-cpu',
            str(error),
        )
