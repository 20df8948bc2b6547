# SPDX-License-Identifier: Apache-2.0

"""Tests of concurrent discovery."""

from oslotest import base

from energy_meter import exception
from energy_meter.discover import finding
from energy_meter.discover import search


def find(*names):
    return lambda: iter(map(finding.Finding, names))


def fail(error):
    def discover():
        yield finding.Finding('before')
        raise error

    return discover


class SearchTest(base.BaseTestCase):
    def search(self, *functions):
        self.progress = []
        return search.search(
            [
                search.Source(f'source {number}', discover)
                for number, discover in enumerate(functions)
            ],
            lambda *progress: self.progress.append(progress),
        )

    def test_findings_are_in_order_of_sources(self):
        findings = self.search(find('a', 'b'), find(), find('c'))

        self.assertEqual(['a', 'b', 'c'], [each.device for each in findings])

    def test_progress_counts_finished_sources(self):
        self.search(find('a'), find('b'))

        self.assertEqual(
            [0, 1, 2], [finished for finished, _ in self.progress]
        )

    def test_error_skips_only_its_source(self):
        error = exception.DeviceUnreachable(device='it', reason='gone')

        findings = self.search(fail(error), find('a'))

        self.assertEqual(
            ['before', 'source 0', 'a'], [each.device for each in findings]
        )
        self.assertEqual((str(error),), findings[1].remarks)

    def test_unexpected_error_skips_only_its_source(self):
        findings = self.search(fail(TypeError('odd')), find('a'))

        self.assertEqual(('TypeError: odd',), findings[1].remarks)
