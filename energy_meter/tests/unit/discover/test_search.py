# SPDX-License-Identifier: Apache-2.0

"""Tests of concurrent discovery."""

import threading

from oslotest import base

from energy_meter import exception
from energy_meter.discover import finding
from energy_meter.discover import search
from energy_meter.discover import section


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
            workers=16,
        )

    def test_findings_are_in_order_of_sources(self):
        findings = self.search(find('a', 'b'), find(), find('c'))

        self.assertEqual(['a', 'b', 'c'], [each.device for each in findings])

    def test_progress_counts_finished_sources(self):
        self.search(find('a'), find('b'))

        self.assertEqual(
            [0, 1, 2], [finished for finished, _, _ in self.progress]
        )

    def test_no_more_sources_than_workers_are_searched_at_a_time(self):
        running, most = [], []

        def discover():
            running.append(None)
            most.append(len(running))
            yield finding.Finding('a')
            running.pop()

        search.search(
            20 * [search.Source('source', discover)],
            lambda *_progress: None,
            workers=3,
        )

        self.assertLessEqual(max(most), 3)
        self.assertEqual(20, len(most))

    def test_findings_have_the_address_of_their_source(self):
        def discover():
            yield finding.Finding('before')
            raise TypeError('odd')

        found = search.search(
            [search.Source('BMC', discover, address='bmc7')],
            lambda *_progress: None,
            workers=1,
        )

        self.assertEqual(['bmc7', 'bmc7'], [each.address for each in found])

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

    def test_exit_of_a_source_skips_only_it(self):
        findings = self.search(fail(SystemExit(3)), find('a'))

        self.assertEqual(
            ['before', 'source 0', 'a'], [each.device for each in findings]
        )

    def test_endless_source_costs_only_itself(self):
        is_ended = threading.Event()
        self.addCleanup(is_ended.set)
        has_begun = threading.Event()

        def hang():
            yield finding.Finding('before')
            has_begun.set()
            is_ended.wait()

        def follow():
            has_begun.wait()
            yield finding.Finding('after')

        findings = search.search(
            [
                search.Source('slow', hang, 0.5),
                search.Source('other', follow),
            ],
            lambda *_progress: None,
            workers=2,
        )

        self.assertEqual(
            ['before', 'slow', 'after'], [each.device for each in findings]
        )
        self.assertEqual(
            (
                'the search did not end within 0.5 s; the results may be '
                'incomplete',
            ),
            findings[1].remarks,
        )

    def test_section_with_control_characters_is_refused(self):
        evil = section.Section(
            'ups', 'nut', ('a',), {'channels': ['x\n[wattmeter:evil]']}
        )

        (found,) = self.search(
            lambda: [finding.Finding('UPS\x1b[2J\n', section=evil)]
        )

        self.assertIsNone(found.section)
        self.assertEqual('UPS [2J ', found.device)
        self.assertIn('channels: ', found.remarks[0])
        self.assertIn('contains control characters', found.remarks[0])
