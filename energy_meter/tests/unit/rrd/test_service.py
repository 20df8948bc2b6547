# SPDX-License-Identifier: Apache-2.0

"""Tests of the service that writes measurements into the archive."""

import threading

import fixtures

from energy_meter import signing
from energy_meter.bus import envelope
from energy_meter.bus import listener
from energy_meter.rrd import service
from energy_meter.tests import usages
from energy_meter.tests.unit.bus import base as bus_base
from energy_meter.tests.unit.rrd import base


class RRDTest(base.ArchiveTest):
    def setUp(self):
        super().setUp()
        self.conf.set_override('transport_url', 'fake://')
        self.conf.set_override('secrets', ['a secret'], 'bus')
        self.meter = base.Meter()

    def test_stop_writes_buffered_measurements(self):
        self.set(flush_interval=3600.0)
        recorder = service.RRD(self.conf, lambda: self.conf)
        recorder.start()
        recorder.handle(self.meter.run(10))
        self.now = self.meter.timestamp
        recorder.stop()
        self.assertEqual(10, recorder.counters.value('rrd_points_written'))
        self.assertEqual([100.0] * 10, self.series().watts[-10:])

    def test_marks_are_not_written(self):
        recorder = service.RRD(self.conf, lambda: self.conf)
        before, after = self.meter.run(2, seconds=4.0)

        # Given the mark of a quarter-hour between two measurements,
        mark = before._replace(
            timestamp=before.timestamp + 2000,
            elapsed=before.elapsed + 2000,
            watts=None,
            is_mark=True,
        )

        # when it arrives with them, then only they are written.
        recorder.handle([before, mark, after])
        self.now = self.meter.timestamp
        recorder.stop()
        self.assertEqual(2, recorder.counters.value('rrd_points_written'))
        self.assertEqual(0, self.skipped('no_value'))

    def test_cpu_time_is_not_written(self):
        recorder = service.RRD(self.conf, lambda: self.conf)
        (measured,) = self.meter.run(1)

        recorder.handle([measured._replace(usage=usages.usage(1))])
        self.now = self.meter.timestamp
        recorder.stop()

        self.assertEqual(0, recorder.counters.value('rrd_points_written'))

    def test_reset_reloads_secrets(self):
        recorder = service.RRD(self.conf, lambda: self.conf)
        self.addCleanup(recorder.stop)
        self.conf.set_override('secrets', ['new'], 'bus')
        recorder.reset()
        recorder._consumer._handle(
            [
                envelope.sign(
                    signing.Keyring(['new']), [bus_base.make_measurement()]
                )
            ]
        )
        self.assertEqual(1, recorder.counters.value('measurements_received'))

    def test_buffer_that_is_half_full_is_written_at_once(self):
        self.set(max_backlog=10)
        recorder = service.RRD(self.conf, lambda: self.conf)
        self.addCleanup(recorder.stop)
        flushed = threading.Event()
        self.useFixture(
            fixtures.MockPatchObject(
                recorder._writer, 'flush', side_effect=flushed.set
            )
        )
        recorder._flusher.start()

        recorder.handle(self.meter.run(4))
        self.assertFalse(recorder._wake.is_set())
        recorder.handle(self.meter.run(1))

        self.assertTrue(flushed.wait(20))

    def test_full_buffer_requeues_batch_on_stop(self):
        # rrdcached is not running.
        self.set(max_backlog=5, daemon=str(self.directory / 'socket'))
        self.useFixture(
            fixtures.MockPatchObject(service, '_FULL_BUFFER_POLL_S', 0.01)
        )
        recorder = service.RRD(self.conf, lambda: self.conf)
        recorder.handle(self.meter.run(5))
        recorder._stopping.set()
        self.assertRaises(
            listener.Stopping, recorder.handle, self.meter.run(5)
        )
        recorder.stop()
        self.assertIn('5 measurements could not be written', self.log.output)
