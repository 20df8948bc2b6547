# SPDX-License-Identifier: Apache-2.0


"""What the archive knows beside its files."""

import json

from energy_meter import exception
from energy_meter.rrd import index
from energy_meter.tests.unit.rrd import base


class IndexTest(base.ArchiveTest):
    def setUp(self):
        super().setUp()
        self.directory.mkdir()
        self.file = self.directory / 'index.json'

    def touch(self, *names):
        for name in names:
            (self.directory / name).touch()

    def complete(self, entries=()):
        return index.complete(self.directory, dict(entries))

    def test_entries_come_back(self):
        entries = {
            base.HOSTILE: index.Entry(3, 1.5, base.Meter().read()),
            'new': index.Entry(4),
        }
        index.save(self.directory, entries)
        self.assertEqual(entries, index.load(self.directory))

    def test_no_index_is_an_empty_one(self):
        self.assertEqual({}, index.load(self.directory))

    def test_damaged_index_is_told(self):
        for text in (
            '',
            'x',
            '[]',
            '{}',
            '{"probes": []}',
            '{"probes": {"a": [1, 2]}}',
            '{"probes": {"a": [0, 1.0, [[], [], 1]]}}',
        ):
            self.file.write_text(text)
            self.assertRaises(
                exception.DamagedFile, index.load, self.directory
            )

    def test_file_without_an_entry_is_a_probe(self):
        self.touch('a%2Fb.rrd', 'node.rrd', 'node.rrd.new', 'lock')
        self.assertEqual(
            {'a/b': index.Entry(0), 'node': index.Entry(1)}, self.complete()
        )

    def test_entry_without_a_file_is_no_probe(self):
        self.touch('node.rrd')
        self.assertEqual(
            ['node'],
            list(
                self.complete({'node': index.Entry(0), 'gone': index.Entry(1)})
            ),
        )

    def test_colours_stay_when_others_come(self):
        self.touch('a.rrd', 'b.rrd', 'c.rrd')
        found = self.complete({'b': index.Entry(5)})
        self.assertEqual(
            {'a': 6, 'b': 5, 'c': 7},
            {probe: entry.colour for probe, entry in found.items()},
        )

    def test_index_is_replaced_as_a_whole(self):
        index.save(self.directory, {'a': index.Entry(0)})
        before = self.file.open()
        self.addCleanup(before.close)
        index.save(self.directory, {'b': index.Entry(0)})
        self.assertEqual(['a'], list(json.load(before)['probes']))
