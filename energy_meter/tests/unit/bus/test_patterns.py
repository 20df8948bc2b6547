# SPDX-License-Identifier: Apache-2.0

"""Patterns of names."""

from oslotest import base

from energy_meter.bus import patterns


class PatternsTest(base.BaseTestCase):
    def test_any_of_them_matches_the_whole_name(self):
        pattern = patterns.compile(['node-[12]', 'ups*', 'a?c'])

        for name, expected in (
            ('node-1', True),
            ('node-3', False),
            ('ups', True),
            ('ups-west', True),
            ('my-ups', False),
            ('UPS', False),
            ('abc', True),
            ('abcd', False),
        ):
            self.assertEqual(expected, pattern.match(name) is not None, name)

    def test_other_signs_stand_for_themselves(self):
        pattern = patterns.compile(['a.b', '(c', 'd|e'])

        for name, expected in (
            ('a.b', True),
            ('axb', False),
            ('(c', True),
            ('d|e', True),
            ('d', False),
        ):
            self.assertEqual(expected, pattern.match(name) is not None, name)
