# SPDX-License-Identifier: Apache-2.0


"""The archive through a real rrdcached."""

import fixtures

from energy_meter.rrd import librrd
from energy_meter.rrd import rrdcached as client
from energy_meter.tests.functional.services import rrdcached
from energy_meter.tests.unit.rrd import base


class RRDCachedTest(base.ArchiveTest):
    def setUp(self):
        super().setUp()
        self.meters = [base.Meter(), base.Meter(base.HOSTILE)]
        self.start(self.directory)

    def start(self, directory):
        """Start rrdcached for the files of a directory."""
        directory.mkdir()
        self.directory = directory
        self.daemon = self.useFixture(rrdcached.RRDCached(directory))
        self.set(directory=str(directory), daemon=self.daemon.socket)

    def read(self, number, watts=100.0):
        words = [
            meter.read(watts=watts)
            for _ in range(number)
            for meter in self.meters
        ]
        self.now = self.meters[0].time
        return words

    def known(self, probe='node-1'):
        return [
            watts
            for watts in self.series('hour', probe).watts
            if watts is not None
        ]

    def on_disk(self):
        """Tell when the file itself was last updated."""
        return librrd.last(str(self.directory / 'node-1.rrd')) - base.EPOCH

    def test_measurements_wait_in_the_daemon_until_somebody_looks(self):
        self.write(*self.read(20))
        self.assertLess(self.on_disk(), 20)
        self.assertEqual([100.0] * 2, self.known(base.HOSTILE))
        self.assertEqual([100.0] * 2, self.known())
        self.assertEqual(20, self.on_disk())

    def test_many_measurements_at_once(self):
        self.write(*self.read(3600))
        self.assertEqual([100.0] * 360, self.known())

    def test_name_of_the_directory_may_be_odd(self):
        self.start(self.directory.with_name('files of\\RRD:tool'))
        self.write(*self.read(20))
        self.assertEqual([100.0] * 2, self.known())

    def test_restarted_plugin_goes_on_where_it_was(self):
        self.write(*self.read(25))
        self.write(*self.read(25, 200.0))
        self.assertEqual([100, 100, 150, 200, 200], self.known())
        self.assertEqual(0, self.counters.value('write_failures'))

    def test_measurements_wait_for_a_daemon_that_is_away(self):
        writer = self.make_writer()
        writer.put(self.read(20))
        writer.flush()
        self.daemon.stop()
        for _ in range(5):
            writer.put(self.read(10, 200.0))
            writer.flush()
        self.assertEqual(1, self.log.output.count('measurements wait'))
        self.daemon.start()
        writer.put(self.read(10))
        writer.flush()
        self.assertEqual([100] * 2 + [200] * 5 + [100], self.known())
        self.assertEqual(1, self.log.output.count('rrdcached is back'))
        self.assertEqual(5, self.counters.value('write_failures'))

    def test_what_a_killed_daemon_had_not_written_is_unknown(self):
        writer = self.make_writer()
        for watts in (100.0, 200.0, 300.0):
            writer.put(self.read(20, watts))
            writer.flush()
            if watts == 100:
                self.assertEqual([100.0] * 2, self.known())
            if watts == 200:
                self.daemon.kill()
                self.daemon.start()
        writer.flush()
        series = self.series('hour')
        self.assertEqual([100, 100, None, None, 300, 300], series.watts[-6:])

    def test_daemon_that_hangs_is_waited_for(self):
        self.useFixture(fixtures.MockPatchObject(client, '_TIMEOUT', 0.3))
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
        self.assertEqual([100.0] * 6, self.known())

    def test_backlog_is_full_while_the_daemon_is_away(self):
        self.set(backlog=30)
        self.daemon.stop()
        writer = self.make_writer()
        writer.put(self.read(20))
        writer.flush()
        self.assertTrue(writer.is_full)
        self.daemon.start()
        writer.flush()
        self.assertFalse(writer.is_full)
        self.assertEqual([100.0] * 2, self.known())

    def test_damaged_file_is_begun_anew(self):
        writer = self.make_writer()
        writer.put(self.read(20))
        writer.flush()
        (self.directory / 'node-1.rrd').write_bytes(b'')
        writer.put(self.read(20))
        writer.flush()
        writer.put(self.read(20))
        writer.close()
        self.assertEqual([100.0] * 4, self.known())
        self.assertEqual([100.0] * 6, self.known(base.HOSTILE))

    def test_graphs_end_early_while_the_daemon_is_away(self):
        self.write(*self.read(20))
        self.daemon.stop()
        self.assertEqual([], self.known())
        self.assertIn('graphs end early', self.log.output)
