# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License. You may obtain
# a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
# WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
# License for the specific language governing permissions and limitations
# under the License.


"""What the RRD files tell; any number of processes may read them at once."""

import logging
import pathlib
import typing

from oslo_config import cfg

from energy_meter import complaint
from energy_meter import exception
from energy_meter.rrd import catalogue
from energy_meter.rrd import index
from energy_meter.rrd import layout as rrd_layout
from energy_meter.rrd import names
from energy_meter.rrd import reader
from energy_meter.rrd import series as rrd_series
from energy_meter.rrd import sinks
from energy_meter.rrd import window as rrd_window

LOG = logging.getLogger(__name__)


class Probe(typing.NamedTuple):
    """A probe that has a file.

    What only its measurements tell is empty until the first arrives, should
    the archive's index have been lost.

    :ivar scope: one of :data:`energy_meter.measurement.SCOPES`.
    :ivar host: the machine whose power it is.
    :ivar time: of its last measurement, seconds since the epoch.
    :ivar watts: its last power; None where it isn't known.
    """

    id: str
    scope: str
    host: str
    wattmeter: str
    time: float | None
    watts: float | None


class Archive:
    """Reads the RRD files. Safe to use from several threads.

    Where a probe is None, the sum of all is meant: of each host the probes
    of one scope.

    :raises ConfigurationError: when the section ``[rrd]`` makes no sense.
    """

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        self._options = conf.rrd
        self._directory = pathlib.Path(conf.rrd.directory).resolve()
        self._layout = rrd_layout.Layout(conf.rrd)
        self._sink = sinks.make(conf.rrd.daemon)
        self._complaints = complaint.Complaints(LOG)
        self._catalogue = catalogue.Catalogue(self._directory,
                                              self._complaints)
        self._clock = rrd_window.Clock(conf.rrd.max_gap,
                                       conf.rrd.flush_interval)
        self._reader = reader.Reader(conf.rrd.kwh_price, self._complaints)
        #: Figures by period and probe, and the tag of their window.
        self._figures: dict[tuple[str, str],
                            tuple[str, rrd_series.Figures]] = {}

    def probes(self) -> list[Probe]:
        """List all probes that have a file, by id."""
        return [_probe(probe, entry) for probe, entry
                in sorted(self._catalogue.entries().items())]

    def series(self, period: str, probe: str | None) -> rrd_series.Series:
        """Give power over the last period.

        :raises UnknownProbe: when it has no file.
        :raises UnknownPeriod: when there is no such period.
        """
        shown = self.shown(period, probe)
        window = self.window(period, shown)
        paths = self.paths(shown)
        if probe is None:
            return self._reader.read_sum(paths, window)
        return self._reader.read(paths[0], window)

    def figures(self, period: str) -> dict[str, rrd_series.Figures]:
        """Give the figures of every probe, by id; cheap if asked again.

        :raises UnknownPeriod: when there is no such period.
        """
        entries = self._catalogue.entries()
        windows = {probe: self.window(period, {probe: entry})
                   for probe, entry in entries.items()}
        stale = {probe: entry for probe, entry in entries.items()
                 if (period, probe) not in self._figures
                 or self._figures[period, probe][0] != windows[probe].tag}
        for probe, path in zip(stale, self.paths(stale), strict=True):
            window = windows[probe]
            self._figures[period, probe] = (
                window.tag, self._reader.read(path, window).figures)
        return {probe: self._figures[period, probe][1] for probe in entries}

    def file(self, probe: str) -> bytes:
        """Give the content of the RRD file of a probe.

        :raises UnknownProbe: when it has none.
        """
        try:
            return self.paths({probe: self._entry(probe)})[0].read_bytes()
        except OSError:
            raise exception.UnknownProbe(probe=probe)

    def shown(self, period: str, probe: str | None) -> index.Entries:
        """Give the probes that a graph shows.

        :raises UnknownProbe: when it has no file.
        :raises UnknownPeriod: when there is no such period.
        """
        since = self._clock.now() - rrd_series.seconds(period)
        if probe is not None:
            return {probe: self._entry(probe)}
        return rrd_window.summed(self._catalogue.entries(),
                                 self._options.scopes, since)

    def window(self, period: str, shown: index.Entries) -> rrd_window.Window:
        """Tell which part of time the last period is.

        :raises UnknownPeriod: when there is no such period.
        """
        seconds = rrd_series.seconds(period)
        return self._clock.window(shown, seconds,
                                  self._layout.resolution(seconds))

    def paths(self, shown: index.Entries) -> list[pathlib.Path]:
        """Give the files of probes, which then show all that was written."""
        paths = [self._directory / names.to_file(probe) for probe in shown]
        try:
            if paths:
                self._sink.flush(paths)
        except exception.DaemonUnavailable as error:
            self._complaints.complain('daemon', '%s; graphs end early', error)
        return paths

    def _entry(self, probe: str) -> index.Entry:
        try:
            return self._catalogue.entries()[probe]
        except KeyError:
            raise exception.UnknownProbe(probe=probe)


def _probe(probe: str, entry: index.Entry) -> Probe:
    if entry.word is None:
        return Probe(probe, '', '', '', None, None)
    about = entry.word.probe
    return Probe(probe, about.scope, about.host, about.wattmeter,
                 entry.word.time, entry.word.watts)
