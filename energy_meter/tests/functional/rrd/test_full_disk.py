# SPDX-License-Identifier: Apache-2.0


"""An archive on a disk that is full."""

import os
import pathlib
import unittest

from energy_meter.rrd import graph
from energy_meter.tests.functional.services import base as services
from energy_meter.tests.unit.rrd import base

#: Room for three files and an index.
SMALL, LARGE = '700k', '4m'


class FullDiskTest(base.ArchiveTest):
    def setUp(self):
        super().setUp()
        if os.geteuid() != 0:
            raise unittest.SkipTest('only root can mount a small tmpfs')
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
        """Measure for ten seconds, and flush."""
        writer.put(word for meter in self.meters for word in meter.run(10))
        self.now = self.meters[0].time
        writer.flush()

    def known(self):
        archive = self.archive()
        return [
            sum(
                watts is not None
                for watts in archive.series('minute', probe.id).watts
            )
            for probe in archive.probes()
        ]

    def test_probes_with_a_file_go_on_and_the_others_lose_nothing(self):
        writer = self.make_writer()
        for _ in range(4):
            self.record(writer)
        self.assertEqual([40, 40, 40], self.known())
        self.assertEqual(1, self.log.output.count('can not be written'))
        self.grow()
        self.record(writer)
        self.assertEqual([50] * 5, self.known())
        self.assertEqual(
            1, self.log.output.count('All files can be written again')
        )
        self.assertEqual([], list(self.directory.glob('*.new')))

    def test_index_waits_for_space(self):
        writer = self.make_writer()
        self.fill()
        for _ in range(3):
            self.record(writer)
        self.assertIn(
            'index of the archive can not be written', self.log.output
        )
        self.grow()
        self.record(writer)
        self.assertIn('The index is written again', self.log.output)
        self.assertEqual([40] * 5, self.known())

    def test_graphs_are_drawn_all_the_same(self):
        writer = self.make_writer()
        self.record(writer)
        self.set(graph_directory=str(self.directory / 'graphs'))
        self.fill()
        graphs = graph.Graphs(self.conf, self.archive())
        for _ in range(2):
            picture = graphs.picture('minute', None, 'png', 'light', 'full')
            self.assertTrue(picture.content.endswith(b'IEND\xaeB`\x82'))
        self.assertEqual(1, self.log.output.count('can not be kept:'))

    def fill(self):
        """Leave no space at all."""
        with pathlib.Path(self.directory, 'filler').open('wb', 0) as stream:
            try:
                while True:
                    stream.write(b'x' * 4096)
            except OSError:
                pass
