# SPDX-License-Identifier: Apache-2.0


"""File names of probes."""

import hypothesis
from hypothesis import strategies
from oslotest import base

from energy_meter.bus import envelope
from energy_meter.rrd import names

IDS = strategies.text(min_size=1, max_size=190).filter(envelope.is_id)
NASTY = (
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
    def test_plain_id_is_its_name(self):
        self.assertEqual(
            'node-1.example_org.rrd', names.to_file('node-1.example_org')
        )

    @hypothesis.given(IDS | strategies.sampled_from(NASTY))
    def test_name_is_safe(self, probe):
        self.assertRegex(
            names.to_file(probe), r'\A(?!\.)[A-Za-z0-9%._~=-]{1,216}\.rrd\Z'
        )

    @hypothesis.given(IDS | strategies.sampled_from(NASTY))
    def test_name_tells_the_probe_unless_it_would_be_too_long(self, probe):
        name = names.to_file(probe)
        found = names.to_probe(name)
        self.assertEqual(None if name.startswith('=') else probe, found)

    @hypothesis.given(IDS, IDS)
    def test_no_two_probes_have_the_same_name(self, first, second):
        hypothesis.assume(first != second)
        self.assertNotEqual(names.to_file(first), names.to_file(second))

    def test_long_id_has_a_short_name(self):
        self.assertRegex(names.to_file('é' * 190), r'\A=[0-9a-f]{64}\.rrd\Z')

    def test_other_files_are_no_probes(self):
        for name in (
            'index.json',
            'lock',
            'a.rrd.new',
            'a%2f.rrd',
            'a b.rrd',
            'node.rrd.damaged-20261121T000000Z',
            '%.rrd',
            '%ff.rrd',
        ):
            self.assertIsNone(names.to_probe(name))
