# SPDX-License-Identifier: Apache-2.0


"""A meter that knows the truth, and an archive that it fills."""

import logging
import pathlib

import fixtures
from oslotest import base

from energy_meter import complaint
from energy_meter import conf as energy_meter_conf
from energy_meter import counters
from energy_meter import measurement
from energy_meter.rrd import archive
from energy_meter.rrd import writer

#: A midnight, so that rows of all lengths begin here.
EPOCH = 1_789_948_800

HOSTILE = 'x:y\'"\\n%s<script>'


class Meter:
    """A probe that draws what it is told to draw.

    :ivar time: seconds since the epoch.
    :ivar joules: drawn since the register was opened.
    """

    def __init__(
        self, probe='node-1', scope='node', host=None, time=EPOCH, register='0'
    ):
        self.probe = measurement.Probe(
            probe, scope, host or probe, 'wattmeter', 'dummy', 'agent'
        )
        self.time = time
        self.open(register)

    def open(self, register):
        """Begin a new register."""
        self.key = measurement.RegisterKey('agent-uuid', register, 1)
        self.elapsed = self.metered = self.joules = 0.0

    def read(self, seconds=1.0, watts=100.0, metered=True, **changes):
        """Draw power for some time, then measure."""
        self.time += seconds
        self.elapsed += seconds
        if metered:
            self.metered += seconds
            self.joules += watts * seconds
        return measurement.Measurement(
            self.probe,
            self.key,
            self.time,
            self.elapsed,
            round(self.joules * 1000),
            self.metered,
            watts,
        )._replace(**changes)

    def run(self, number, seconds=1.0, watts=100.0):
        """Measure several times."""
        return [self.read(seconds, watts) for _ in range(number)]


class ArchiveTest(base.BaseTestCase):
    """A test with an archive, and with a clock of its own.

    :ivar now: what the clock shows.
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
        self.counters = counters.Counters()

    def set(self, **options):
        """Set options of the section ``[rrd]``."""
        for name, value in options.items():
            self.conf.set_override(name, value, 'rrd')

    def make_writer(self):
        found = writer.Writer(
            self.conf,
            self.counters,
            complaint.Complaints(logging.getLogger('energy_meter.test')),
        )
        self.addCleanup(found.close)
        return found

    def write(self, *words, now=None):
        """Let a new process write measurements when the last was made."""
        self.now = now or max(word.time for word in words)
        found = self.make_writer()
        found.put(words)
        found.close()

    def archive(self):
        return archive.Archive(self.conf)

    def series(self, period='minute', probe='node-1'):
        return self.archive().series(period, probe)

    def skipped(self, reason):
        return self.counters.value('skipped', reason=reason)
