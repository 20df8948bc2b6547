# SPDX-License-Identifier: Apache-2.0

"""Tests of the file names of probes."""

import hypothesis
from hypothesis import strategies
from oslotest import base

from energy_meter.bus import fields
from energy_meter.rrd.files import names

IDS = strategies.text(min_size=1, max_size=190).filter(fields.is_id)
SPECIAL = (
    '.',
    '..',
    '../../etc/passwd',
    '/',
    'a/b',
    'a\\b',
    'a b',
    '%2F',
    'x:y\'"%s<script>',
    '=0',
    'lock',
    'index.json',
    'node.rrd',
    '-f',
    'é' * 190,
)


class NamesTest(base.BaseTestCase):
    def test_plain_id_is_kept(self):
        self.assertEqual(
            'node-1.example_org.rrd', names.to_file('node-1.example_org')
        )

    @hypothesis.given(IDS | strategies.sampled_from(SPECIAL))
    def test_name_has_only_safe_characters(self, probe):
        self.assertRegex(
            names.to_file(probe), r'\A(?!\.)[A-Za-z0-9%._~=-]{1,216}\.rrd\Z'
        )

    @hypothesis.given(IDS | strategies.sampled_from(SPECIAL))
    def test_name_is_reversible_unless_hashed(self, probe):
        name = names.to_file(probe)
        expected = None if name.startswith('=') else probe
        self.assertEqual(expected, names.to_probe(name))

    @hypothesis.given(IDS, IDS)
    def test_different_probes_have_different_names(self, first, second):
        hypothesis.assume(first != second)
        self.assertNotEqual(names.to_file(first), names.to_file(second))

    def test_long_id_is_hashed(self):
        self.assertRegex(names.to_file('é' * 190), r'\A=[0-9a-f]{64}\.rrd\Z')

    def test_other_files_are_not_probes(self):
        for name in (
            'index.json',
            'lock',
            'a.rrd.new',
            'a%2f.rrd',
            'a b.rrd',
            'node.rrd.corrupt-20261121T000000Z',
            '%.rrd',
            '%ff.rrd',
        ):
            self.assertIsNone(names.to_probe(name))
