# SPDX-License-Identifier: Apache-2.0

"""Tests of shell-style patterns."""

from oslotest import base

from energy_meter.bus import patterns


class PatternsTest(base.BaseTestCase):
    def test_any_pattern_matches_a_complete_name(self):
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

    def test_other_characters_are_literal(self):
        pattern = patterns.compile(['a.b', '(c', 'd|e'])

        for name, expected in (
            ('a.b', True),
            ('axb', False),
            ('(c', True),
            ('d|e', True),
            ('d', False),
        ):
            self.assertEqual(expected, pattern.match(name) is not None, name)
