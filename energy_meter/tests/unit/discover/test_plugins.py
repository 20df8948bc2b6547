# SPDX-License-Identifier: Apache-2.0

"""Tests of discovery functions from entry points."""

import importlib.metadata
import sys
import types
from unittest import mock

import fixtures
from oslotest import base

from energy_meter.discover import finding
from energy_meter.discover import plugins
from energy_meter.discover import search
from energy_meter.discover import section_tester


class PluginsTest(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.module = types.ModuleType('out_of_tree')
        self.useFixture(
            fixtures.MockPatchObject(
                sys, 'modules', {**sys.modules, 'out_of_tree': self.module}
            )
        )

    def search(self, **functions):
        """Search with entry points of these values."""
        entry_points = [
            importlib.metadata.EntryPoint(name, value, plugins.NAMESPACE)
            for name, value in functions.items()
        ]
        with mock.patch(
            'importlib.metadata.entry_points', return_value=entry_points
        ):
            sources = plugins.sources(section_tester.SectionTester(2.0))
            return search.search(sources, lambda *_progress: None, workers=16)

    def test_function_gets_tester(self):
        self.module.discover = lambda tester: [
            finding.Finding(f'timeout {tester.timeout}')
        ]

        (found,) = self.search(mine='out_of_tree:discover')

        self.assertEqual('timeout 2.0', found.device)

    def test_plugin_that_cannot_be_loaded_costs_only_itself(self):
        self.module.discover = lambda _tester: [finding.Finding('meter')]

        failed, found = self.search(
            absent='out_of_tree:absent', mine='out_of_tree:discover'
        )

        self.assertEqual('absent', failed.device)
        self.assertIn('AttributeError', failed.remarks[0])
        self.assertEqual('meter', found.device)

    def test_plugin_without_findings_is_not_an_iterator(self):
        self.module.discover = lambda _tester: None

        (failed,) = self.search(mine='out_of_tree:discover')

        self.assertIn('TypeError', failed.remarks[0])

    def test_time_is_limited(self):
        with mock.patch(
            'importlib.metadata.entry_points',
            return_value=[
                importlib.metadata.EntryPoint('a', 'b:c', plugins.NAMESPACE)
            ],
        ):
            (source,) = plugins.sources(section_tester.SectionTester(2.0))

        self.assertEqual(20.0, source.max_seconds)
