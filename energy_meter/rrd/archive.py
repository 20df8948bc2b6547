# SPDX-License-Identifier: Apache-2.0


"""What the RRD files tell; any number of processes may read them at once."""

import collections.abc
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


class View(typing.NamedTuple):
    """What is looked at: some probes in a part of time."""

    period: str
    probe: str | None
    shown: index.Entries
    window: rrd_window.Window


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
        self._catalogue = catalogue.Catalogue(
            self._directory, self._complaints
        )
        self._clock = rrd_window.Clock(
            conf.rrd.max_gap, conf.rrd.flush_interval
        )
        self._reader = reader.Reader(conf.rrd.kwh_price, self._complaints)
        #: Figures by period and probe, and the tag of their window.
        self._figures: dict[
            tuple[str, str], tuple[str, rrd_series.Figures]
        ] = {}

    def probes(self) -> list[Probe]:
        """List all probes that have a file, by id."""
        return [
            _probe(probe, entry)
            for probe, entry in sorted(self._catalogue.entries().items())
        ]

    def file(self, probe: str) -> bytes:
        """Give the content of the RRD file of a probe.

        :raises UnknownProbe: when it has none.
        """
        self._entry(probe)
        try:
            return self.paths([probe])[probe].read_bytes()
        except (KeyError, OSError):
            raise exception.UnknownProbe(probe=probe)

    def series(self, period: str, probe: str | None) -> rrd_series.Series:
        """Give power over the last period.

        :raises UnknownProbe: when it has no file.
        :raises UnknownPeriod: when there is no such period.
        """
        return self.read(self.view(period, probe))

    def figures(self, period: str) -> dict[str, rrd_series.Figures]:
        """Give the figures of every probe, by id; cheap if asked again.

        :raises UnknownPeriod: when there is no such period.
        """
        result = {}
        for probe, entry in self._catalogue.entries().items():
            view = self._view(period, probe, {probe: entry})
            tag, figures = self._figures.get((period, probe), ('', None))
            if figures is None or tag != view.window.tag:
                figures = self.read(view).figures
                self._figures[period, probe] = view.window.tag, figures
            result[probe] = figures
        return result

    def view(self, period: str, probe: str | None) -> View:
        """Tell what the last period of a probe is.

        :raises UnknownProbe: when it has no file.
        :raises UnknownPeriod: when there is no such period.
        """
        if probe is not None:
            return self._view(period, probe, {probe: self._entry(probe)})
        since = self._clock.now() - rrd_series.seconds(period)
        return self._view(
            period,
            None,
            rrd_window.summed(
                self._catalogue.entries(), self._options.scopes, since
            ),
        )

    def read(self, view: View) -> rrd_series.Series:
        """Give power over the time of a view."""
        return self._reader.read(
            list(self.paths(view.shown).values()), view.window
        )

    def paths(
        self,
        probes: collections.abc.Iterable[str],
    ) -> dict[str, pathlib.Path]:
        """Give the files of probes, with all that was written to them.

        One that can't be read is left out.
        """
        paths = {
            probe: self._directory / names.to_file(probe) for probe in probes
        }
        try:
            self._sink.flush(paths.values())
        except exception.DaemonUnavailable as error:
            self._complaints.complain('daemon', '%s; graphs end early', error)
        return {
            probe: path
            for probe, path in paths.items()
            if self._reader.is_readable(path)
        }

    def _entry(self, probe: str) -> index.Entry:
        try:
            return self._catalogue.entries()[probe]
        except KeyError:
            raise exception.UnknownProbe(probe=probe)

    def _view(
        self, period: str, probe: str | None, shown: index.Entries
    ) -> View:
        seconds = rrd_series.seconds(period)
        return View(
            period,
            probe,
            shown,
            self._clock.window(
                shown, seconds, self._layout.resolution(seconds)
            ),
        )


def _probe(probe: str, entry: index.Entry) -> Probe:
    if entry.word is None:
        return Probe(probe, '', '', '', None, None)
    about = entry.word.probe
    return Probe(
        probe,
        about.scope,
        about.host,
        about.wattmeter,
        entry.word.time,
        entry.word.watts,
    )
