# SPDX-License-Identifier: Apache-2.0

"""Tests of an archive that is written through a real rrdcached."""

import fixtures

from energy_meter.rrd.files import librrd
from energy_meter.rrd.files import rrdcached as client
from energy_meter.tests.functional.services import rrdcached
from energy_meter.tests.unit.rrd import base


class RRDCachedTest(base.ArchiveTest):
    def setUp(self):
        super().setUp()
        self.meters = [base.Meter(), base.Meter(base.HOSTILE)]
        self.start(self.directory)

    def start(self, directory):
        """Start rrdcached for the files in a directory."""
        directory.mkdir()
        self.directory = directory
        self.daemon = self.useFixture(rrdcached.RRDCached(directory))
        self.set(directory=str(directory), daemon=self.daemon.socket)

    def read(self, count, watts=100.0):
        measurements = [
            meter.read(watts=watts)
            for _ in range(count)
            for meter in self.meters
        ]
        self.now = self.meters[0].timestamp
        return measurements

    def known_watts(self, probe='node-1'):
        return [
            watts
            for watts in self.series('hour', probe).watts
            if watts is not None
        ]

    def last_update(self):
        """Return when the file was last updated, in seconds."""
        return librrd.last(str(self.directory / 'node-1.rrd')) - base.EPOCH

    def test_daemon_queues_measurements_until_they_are_read(self):
        self.write(*self.read(20))
        self.assertLess(self.last_update(), 20)
        self.assertEqual([100.0] * 2, self.known_watts(base.HOSTILE))
        self.assertEqual([100.0] * 2, self.known_watts())
        self.assertEqual(20, self.last_update())

    def test_large_batch_is_written(self):
        self.write(*self.read(3600))
        self.assertEqual([100.0] * 360, self.known_watts())

    def test_directory_name_with_special_characters_is_escaped(self):
        self.start(self.directory.with_name('files of\\RRD:tool'))
        self.write(*self.read(20))
        self.assertEqual([100.0] * 2, self.known_watts())

    def test_restart_loses_no_points(self):
        self.write(*self.read(25))
        self.write(*self.read(25, 200.0))
        self.assertEqual([100, 100, 150, 200, 200], self.known_watts())
        self.assertEqual(0, self.counters.value('write_retries'))

    def test_measurements_are_queued_while_daemon_is_down(self):
        writer = self.make_writer()
        writer.put(self.read(20))
        writer.flush()
        self.daemon.stop()
        for _ in range(5):
            writer.put(self.read(10, 200.0))
            writer.flush()
        self.assertEqual(1, self.log.output.count('measurements are queued'))
        self.daemon.start()
        writer.put(self.read(10))
        writer.flush()
        self.assertEqual([100] * 2 + [200] * 5 + [100], self.known_watts())
        self.assertEqual(
            1, self.log.output.count('Can write through rrdcached again')
        )
        self.assertEqual(5, self.counters.value('write_retries'))

    def test_points_lost_by_killed_daemon_are_unknown(self):
        writer = self.make_writer()
        for watts in (100.0, 200.0, 300.0):
            writer.put(self.read(20, watts))
            writer.flush()
            if watts == 100:
                self.assertEqual([100.0] * 2, self.known_watts())
            if watts == 200:
                self.daemon.kill()
                self.daemon.start()
        writer.flush()
        series = self.series('hour')
        self.assertEqual([100, 100, None, None, 300, 300], series.watts[-6:])

    def test_measurements_are_queued_while_daemon_hangs(self):
        self.useFixture(fixtures.MockPatchObject(client, '_TIMEOUT_S', 0.3))
        writer = self.make_writer()
        writer.put(self.read(20))
        writer.flush()
        self.daemon.pause()
        writer.put(self.read(20))
        writer.flush()
        self.assertIn('timed out', self.log.output)
        self.daemon.resume()
        writer.put(self.read(20))
        writer.close()
        self.assertEqual([100.0] * 6, self.known_watts())

    def test_backlog_fills_while_daemon_is_down(self):
        self.set(max_backlog=30)
        self.daemon.stop()
        writer = self.make_writer()
        writer.put(self.read(20))
        writer.flush()
        self.assertTrue(writer.is_full)
        self.daemon.start()
        writer.flush()
        self.assertFalse(writer.is_full)
        self.assertEqual([100.0] * 2, self.known_watts())

    def test_corrupt_file_is_replaced(self):
        writer = self.make_writer()
        writer.put(self.read(20))
        writer.flush()
        (self.directory / 'node-1.rrd').write_bytes(b'')
        writer.put(self.read(20))
        writer.flush()
        writer.put(self.read(20))
        writer.close()
        self.assertEqual([100.0] * 4, self.known_watts())
        self.assertEqual([100.0] * 6, self.known_watts(base.HOSTILE))

    def test_graphs_lack_newest_points_while_daemon_is_down(self):
        self.write(*self.read(20))
        self.daemon.stop()
        self.assertEqual([], self.known_watts())
        self.assertIn('graphs lack the newest measurements', self.log.output)
