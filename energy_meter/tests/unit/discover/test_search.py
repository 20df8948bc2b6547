# SPDX-License-Identifier: Apache-2.0

from oslotest import base

from energy_meter import exception
from energy_meter.discover import finding
from energy_meter.discover import search


def find(*names):
    return lambda: iter(map(finding.Finding, names))


def fail(error):
    def look():
        yield finding.Finding('before')
        raise error

    return look


class SearchTest(base.BaseTestCase):
    def search(self, *looks):
        self.heard = []
        return search.search(
            [
                search.Place(f'place {number}', look)
                for number, look in enumerate(looks)
            ],
            lambda *words: self.heard.append(words),
        )

    def test_findings_come_in_the_order_of_the_places(self):
        found = self.search(find('a', 'b'), find(), find('c'))

        self.assertEqual(['a', 'b', 'c'], [each.what for each in found])

    def test_progress(self):
        self.search(find('a'), find('b'))

        self.assertEqual([0, 1, 2], [done for done, _ in self.heard])

    def test_an_error_costs_only_its_place(self):
        error = exception.DeviceUnreachable(device='it', reason='gone')

        found = self.search(fail(error), find('a'))

        self.assertEqual(
            ['before', 'place 0', 'a'], [each.what for each in found]
        )
        self.assertEqual(('it did not answer: gone',), found[1].remarks)

    def test_a_mistake_of_ours_costs_only_its_place(self):
        found = self.search(fail(TypeError('odd')), find('a'))

        self.assertEqual(('TypeError: odd',), found[1].remarks)
