# SPDX-License-Identifier: Apache-2.0

"""Base of tests with an archive, and a simulated wattmeter."""

import logging
import pathlib

import fixtures
from oslotest import base

from energy_meter import conf as energy_meter_conf
from energy_meter import log_throttle
from energy_meter import measurement
from energy_meter.rrd import metrics
from energy_meter.rrd.reading import archive
from energy_meter.rrd.writing import points
from energy_meter.rrd.writing import writer
from energy_meter.telemetry import counters
from energy_meter.tests import series

#: A midnight (UTC), so that rows of all lengths start here.
EPOCH = 1_789_948_800

HOSTILE = 'x:y\'"\\n%s<script>'


class Meter:
    """A simulated probe and its register.

    :ivar timestamp: simulated time, in seconds since the epoch.
    :ivar elapsed: seconds since the register was opened.
    :ivar metered: part of these seconds for which the energy is known.
    :ivar joules: energy since the register was opened.
    """

    def __init__(
        self,
        probe='node-1',
        scope='node',
        host=None,
        timestamp=EPOCH,
        register='0',
    ):
        self.probe = measurement.Probe(
            probe, scope, host or probe, 'wattmeter', 'dummy', 'agent'
        )
        self.timestamp = timestamp
        self.open(register)

    def open(self, register):
        """Open a new register."""
        self.key = measurement.RegisterKey('agent-uuid', register)
        self.elapsed = self.metered = self.joules = 0.0

    def read(self, seconds=1.0, watts=100.0, metered=True, **changes):
        """Consume power for some time and return a measurement."""
        self.timestamp += seconds
        self.elapsed += seconds
        if metered:
            self.metered += seconds
            self.joules += watts * seconds
        return series.change(
            measurement.Measurement(
                measurement.Series(self.probe, self.key, None, True),
                round(self.timestamp * 1000),
                round(self.elapsed * 1000),
                round(self.joules * 1000),
                round(self.metered * 1000),
                watts,
            ),
            **changes,
        )

    def run(self, count, seconds=1.0, watts=100.0):
        """Return several measurements."""
        return [self.read(seconds, watts) for _ in range(count)]


class ArchiveTest(base.BaseTestCase):
    """A test with an archive and a simulated clock.

    :ivar now: time of the clock, in seconds since the epoch.
    """

    def setUp(self):
        super().setUp()
        self.now = EPOCH
        self.useFixture(fixtures.MockPatch('time.time', lambda: self.now))
        self.log = self.useFixture(fixtures.FakeLogger('energy_meter'))
        self.directory = pathlib.Path(
            self.useFixture(fixtures.TempDir()).path, 'rrd'
        )
        self.conf = energy_meter_conf.load([], 'test', files=[])
        self.set(
            directory=str(self.directory),
            graph_directory=self.useFixture(fixtures.TempDir()).path,
        )
        self.counters = counters.Counters(metrics.COUNTERS)

    def set(self, **options):
        """Set options of the section ``[rrd]``."""
        for name, value in options.items():
            self.conf.set_override(name, value, 'rrd')

    def make_writer(self):
        archive_writer = writer.Writer(
            self.conf,
            self.counters,
            log_throttle.ThrottledLogger(
                logging.getLogger('energy_meter.test')
            ),
        )
        self.addCleanup(archive_writer.close)
        return archive_writer

    def write(self, *measurements, now=None):
        """Write measurements as a new process would.

        :param now: time of the write; by default that of the newest
            measurement.
        """
        self.now = now or max(map(points.point_timestamp, measurements))
        archive_writer = self.make_writer()
        archive_writer.put(measurements)
        archive_writer.close()

    def archive(self):
        return archive.Archive(self.conf)

    def series(self, period='minute', probe='node-1'):
        return self.archive().series(period, probe)

    def skipped(self, reason):
        return self.counters.value('rrd_measurements_skipped', reason=reason)
