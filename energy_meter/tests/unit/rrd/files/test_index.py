# SPDX-License-Identifier: Apache-2.0

"""Tests of the index of an archive."""

import json

from energy_meter import exception
from energy_meter import measurement
from energy_meter.rrd.files import index
from energy_meter.tests import series
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

    def test_saved_entries_are_loaded(self):
        first = base.Meter().read()
        second = series.change(
            first,
            after=measurement.Predecessor(first.register.id, first.elapsed),
        )
        entries = {
            base.HOSTILE: index.Entry(3, 1.5, first),
            'after': index.Entry(5, 1.5, second),
            'new': index.Entry(4),
        }
        index.save(self.directory, entries)
        self.assertEqual(entries, index.load(self.directory))

    def test_missing_index_is_empty(self):
        self.assertEqual({}, index.load(self.directory))

    def test_corrupt_index_is_rejected(self):
        for text in (
            '',
            'x',
            '[]',
            '{}',
            '{"probes": []}',
            '{"probes": {"a": [1, 2]}}',
            '{"probes": {"a": [0, 1.0, [[], [], 1]]}}',
            # Of a release before marks.
            '{"probes": {"a": [0, 1.0, [["a","node","a","w","d","n"],'
            '["u","0",1],1.7e9,10.0,1000,10.0,0.1,null,null]]}}',
        ):
            self.file.write_text(text)
            self.assertRaises(
                exception.CorruptFile, index.load, self.directory
            )

    def test_file_without_entry_gets_new_entry(self):
        self.touch('a%2Fb.rrd', 'node.rrd', 'node.rrd.new', 'lock')
        self.assertEqual(
            {'a/b': index.Entry(0), 'node': index.Entry(1)}, self.complete()
        )

    def test_entry_without_file_is_dropped(self):
        self.touch('node.rrd')
        self.assertEqual(
            ['node'],
            list(
                self.complete({'node': index.Entry(0), 'gone': index.Entry(1)})
            ),
        )

    def test_new_entries_get_unused_colors(self):
        self.touch('a.rrd', 'b.rrd', 'c.rrd')
        entries = self.complete({'b': index.Entry(5)})
        self.assertEqual(
            {'a': 6, 'b': 5, 'c': 7},
            {probe: entry.color for probe, entry in entries.items()},
        )

    def test_save_replaces_index_atomically(self):
        index.save(self.directory, {'a': index.Entry(0)})
        before = self.file.open()
        self.addCleanup(before.close)
        index.save(self.directory, {'b': index.Entry(0)})
        self.assertEqual(['a'], list(json.load(before)['probes']))
