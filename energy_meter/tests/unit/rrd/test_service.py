# SPDX-License-Identifier: Apache-2.0


"""From the bus into the archive, in one process."""

import fixtures

from energy_meter import signing
from energy_meter.bus import envelope
from energy_meter.bus import listener
from energy_meter.rrd import service
from energy_meter.tests.unit.bus import base as bus_base
from energy_meter.tests.unit.rrd import base


class RecorderTest(base.ArchiveTest):
    def setUp(self):
        super().setUp()
        self.conf.set_override('transport_url', 'fake://')
        self.conf.set_override('secrets', ['a secret'], 'bus')
        self.meter = base.Meter()

    def test_what_arrived_is_written_when_it_stops(self):
        self.set(flush_interval=3600.0)
        recorder = service.Recorder(self.conf, lambda: self.conf)
        recorder.start()
        recorder.handle(self.meter.run(10))
        self.now = self.meter.time
        recorder.stop()
        self.assertEqual(10, recorder.counters.value('points'))
        self.assertEqual([100.0] * 10, self.series().watts[-10:])

    def test_secrets_are_read_anew(self):
        recorder = service.Recorder(self.conf, lambda: self.conf)
        self.addCleanup(recorder.stop)
        self.conf.set_override('secrets', ['new'], 'bus')
        recorder.reset()
        recorder._intake._handle(
            [envelope.seal(signing.Keyring(['new']), [bus_base.word()])]
        )
        self.assertEqual(1, recorder.counters.value('measurements'))

    def test_batch_goes_back_to_the_bus_while_nothing_can_be_written(self):
        # rrdcached is away.
        self.set(backlog=5, daemon=str(self.directory / 'socket'))
        self.useFixture(fixtures.MockPatchObject(service, '_PAUSE', 0.01))
        recorder = service.Recorder(self.conf, lambda: self.conf)
        recorder.handle(self.meter.run(5))
        recorder._stopping.set()
        self.assertRaises(
            listener.Stopping, recorder.handle, self.meter.run(5)
        )
        recorder.stop()
        self.assertIn('5 measurements could not be written', self.log.output)
