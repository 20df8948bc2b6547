# SPDX-License-Identifier: Apache-2.0

"""Tests of an archive on a full disk."""

import os
import pathlib
import unittest

from energy_meter.rrd.graphs import graph
from energy_meter.tests.functional.services import base as services
from energy_meter.tests.unit.rrd import base

#: Sizes of the file system; the small one has room for three files.
SMALL, LARGE = '700k', '4m'


class FullDiskTest(base.ArchiveTest):
    def setUp(self):
        super().setUp()
        if os.geteuid() != 0:
            raise unittest.SkipTest('only root can mount a small tmpfs')
        self.set(min_free_mb=0)
        self.directory.mkdir()
        services.run(
            [
                'mount',
                '-t',
                'tmpfs',
                '-o',
                f'size={SMALL}',
                'tmpfs',
                self.directory,
            ]
        )
        self.addCleanup(services.run, ['umount', self.directory])
        self.meters = [base.Meter(f'node-{number}') for number in range(5)]

    def grow(self):
        services.run(['mount', '-o', f'remount,size={LARGE}', self.directory])

    def record(self, writer):
        """Write measurements of ten seconds."""
        writer.put(
            received for meter in self.meters for received in meter.run(10)
        )
        self.now = self.meters[0].timestamp
        writer.flush()

    def known_rows(self):
        archive = self.archive()
        return [
            sum(
                watts is not None
                for watts in archive.series('minute', probe.id).watts
            )
            for probe in archive.probes()
        ]

    def test_existing_files_are_written_and_other_probes_are_queued(self):
        writer = self.make_writer()
        for _ in range(4):
            self.record(writer)
        self.assertEqual([40, 40, 40], self.known_rows())
        self.assertEqual(1, self.log.output.count('Cannot write 2 RRD files'))
        self.grow()
        self.record(writer)
        self.assertEqual([50] * 5, self.known_rows())
        self.assertEqual(
            1, self.log.output.count('All RRD files can be written again')
        )
        self.assertEqual([], list(self.directory.glob('*.new')))

    def test_index_is_written_once_there_is_space(self):
        writer = self.make_writer()
        self.fill()
        for _ in range(3):
            self.record(writer)
        self.assertIn('Cannot write the index of the archive', self.log.output)
        self.grow()
        self.record(writer)
        self.assertIn(
            'The index of the archive can be written again', self.log.output
        )
        self.assertEqual([40] * 5, self.known_rows())

    def test_graphs_are_drawn_without_cache(self):
        writer = self.make_writer()
        self.record(writer)
        self.set(graph_directory=str(self.directory / 'graphs'))
        self.fill()
        graphs = graph.Graphs(self.conf, self.archive())
        for _ in range(2):
            image = graphs.image('minute', None, 'png', 'light', 'full')
            self.assertTrue(image.content.endswith(b'IEND\xaeB`\x82'))
        self.assertEqual(1, self.log.output.count('Cannot cache a graph:'))

    def fill(self):
        """Fill the file system completely."""
        with pathlib.Path(self.directory, 'filler').open('wb', 0) as stream:
            try:
                while True:
                    stream.write(b'x' * 4096)
            except OSError:
                pass
