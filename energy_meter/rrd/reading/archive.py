# SPDX-License-Identifier: Apache-2.0

"""Read access to the RRD files of all probes."""

import collections.abc
import logging
import pathlib
import time
import typing

from oslo_config import cfg

from energy_meter import attempt
from energy_meter import exception
from energy_meter import log_throttle
from energy_meter.rrd.files import index
from energy_meter.rrd.files import layout as rrd_layout
from energy_meter.rrd.files import names
from energy_meter.rrd.files import rrdcached
from energy_meter.rrd.reading import index_reader
from energy_meter.rrd.reading import periods
from energy_meter.rrd.reading import reader
from energy_meter.rrd.reading import selection
from energy_meter.rrd.reading import series as rrd_series
from energy_meter.rrd.reading import window as rrd_window

LOG = logging.getLogger(__name__)


class Probe(typing.NamedTuple):
    """A probe that has a file.

    After the index was lost, everything but the id is empty or None until the
    next measurement.

    :ivar scope: one of :data:`energy_meter.measurement.SCOPES`.
    :ivar host: the machine whose power is measured.
    :ivar timestamp: of its last measurement, in seconds since the epoch.
    :ivar watts: power at that time; None if it is unknown.
    """

    id: str
    scope: str
    host: str
    wattmeter: str
    timestamp: float | None
    watts: float | None


class Query(typing.NamedTuple):
    """Probes and a time window to read.

    :ivar probe: id of the probe; None for the sum of all probes.
    :ivar entries: index entries of the probe, or of all probes in the sum.
    """

    period: periods.Period
    probe: str | None
    entries: index.Entries
    window: rrd_window.Window


#: Second of a query for the sum, selected probes, and the query.
_SumQuery = tuple[int, index.Entries, Query | None]
_NO_QUERY: _SumQuery = (0, {}, None)


class Archive:
    """Reads the RRD files. Thread-safe, for any number of processes.

    Where a probe is None, the sum of all probes is meant: of each host it
    includes the probes of one scope.

    :raises ConfigurationError: if the section ``[rrd]`` is invalid.
    """

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        self._options = conf.rrd
        self._directory = pathlib.Path(conf.rrd.directory).resolve()
        self._layout = rrd_layout.Layout(conf.rrd)
        self._throttled_log = log_throttle.ThrottledLogger(LOG)
        self._index = index_reader.IndexReader(
            self._directory, self._throttled_log
        )
        self._windows = rrd_window.WindowSelector(
            conf.rrd.max_gap, conf.rrd.flush_interval
        )
        self._reader = reader.Reader(conf.rrd.kwh_price, self._throttled_log)
        self._selector = selection.Selector(conf.rrd.scope_precedence)
        #: Newest query for the sum, by cache key of the period.
        self._queries: dict[str, _SumQuery] = {}
        #: Tag of the window and figures, by cache key of the period and probe.
        self._figures: dict[
            tuple[str, str], tuple[str, rrd_series.Figures]
        ] = {}

    def probes(self) -> list[Probe]:
        """Return all probes that have a file, sorted by id."""
        return [
            _probe(probe, entry)
            for probe, entry in sorted(self._index.entries().items())
        ]

    def file(self, probe: str) -> bytes:
        """Return the content of a probe's RRD file.

        :raises ProbeNotFound: if the probe has no file.
        """
        self._entry(probe)
        path = self.path(probe)
        if path is None:
            raise exception.ProbeNotFound(probe=probe)
        try:
            return pathlib.Path(path).read_bytes()
        except OSError:
            raise exception.ProbeNotFound(probe=probe)

    def series(self, period: str, probe: str | None) -> rrd_series.Series:
        """Return the power of a probe in a period.

        :raises ProbeNotFound: if the probe has no file.
        :raises PeriodNotFound: if there is no such period.
        """
        return self.read(self.query(period, probe))

    def figures(self, period: str) -> dict[str, rrd_series.Figures]:
        """Return the figures of every probe, by id.

        They are cached until the probe's window changes.

        :raises PeriodNotFound: if there is no such period.
        """
        parsed = periods.parse(period)
        queries = {
            probe: self._query(parsed, probe, {probe: entry})
            for probe, entry in self._index.entries().items()
        }
        known = self._figures
        changed = [
            probe
            for probe, query in queries.items()
            if known.get((parsed.cache_key, probe), ('',))[0]
            != query.window.tag
        ]
        for probe, path in self._paths(changed).items():
            window = queries[probe].window
            known[parsed.cache_key, probe] = (
                window.tag,
                self._reader.read([path], window).figures,
            )
        return {probe: known[parsed.cache_key, probe][1] for probe in queries}

    def query(self, period: str, probe: str | None) -> Query:
        """Return the query for a probe in a period.

        :raises ProbeNotFound: if the probe has no file.
        :raises PeriodNotFound: if there is no such period.
        """
        parsed = periods.parse(period)
        if probe is not None:
            return self._query(parsed, probe, {probe: self._entry(probe)})
        return self._sum_query(parsed)

    def read(self, query: Query) -> rrd_series.Series:
        """Return the power for a query."""
        return self._reader.read(
            list(self._paths(query.entries).values()), query.window
        )

    def stack(
        self, query: Query, groups: collections.abc.Iterable[list[str]]
    ) -> rrd_series.Stack:
        """Return the power of groups of the probes of a query."""
        paths = self._paths(query.entries)
        return self._reader.stack(
            [[paths[probe] for probe in group] for group in groups],
            query.window,
        )

    def path(self, probe: str) -> str | None:
        """Flush the file of a probe and return its path.

        :returns: None if the file cannot be read.
        """
        path = self._paths([probe])[probe]
        return path if self._reader.is_readable(path) else None

    def _paths(self, probes: collections.abc.Iterable[str]) -> dict[str, str]:
        """Flush the files of probes and return their paths, by probe."""
        # A Path of each would take as long as opening the file.
        directory = str(self._directory)
        paths = {
            probe: f'{directory}/{names.to_file(probe)}' for probe in probes
        }
        if self._options.daemon and paths:
            self._flush(paths.values())
        return paths

    def _flush(self, paths: collections.abc.Iterable[str]) -> None:
        _, error = attempt.call(
            lambda: rrdcached.flush(self._options.daemon, paths),
            exception.RRDCachedUnavailable,
        )
        if error is not None:
            self._throttled_log.warning(
                'daemon', '%s; graphs lack the newest measurements', error
            )

    def _sum_query(self, period: periods.Period) -> Query:
        """Return the query for the sum.

        It stays the same for a second, unless the index changes: a page and
        its graphs ask for it several times.
        """
        now = time.time()
        selected = self._selector.select(self._index.entries())
        second, known, query = self._queries.get(period.cache_key, _NO_QUERY)
        if (
            query is None
            or (second, query.period) != (int(now), period)
            or known is not selected
        ):
            since = period.start(now)
            # Without probes that have no measurement in the period.
            recent = {
                probe: entry
                for probe, entry in selected.items()
                if (entry.timestamp or 0.0) >= since
            }
            query = self._query(period, None, recent)
            self._queries[period.cache_key] = int(now), selected, query
        return query

    def _entry(self, probe: str) -> index.Entry:
        try:
            return self._index.entries()[probe]
        except KeyError:
            raise exception.ProbeNotFound(probe=probe)

    def _query(
        self,
        period: periods.Period,
        probe: str | None,
        entries: index.Entries,
    ) -> Query:
        return Query(
            period,
            probe,
            entries,
            self._windows.select(entries, period, self._layout),
        )


def _probe(probe: str, entry: index.Entry) -> Probe:
    latest = entry.latest
    if latest is None:
        return Probe(probe, '', '', '', None, None)
    return Probe(
        probe,
        latest.probe.scope,
        latest.probe.host,
        latest.probe.wattmeter,
        entry.timestamp,
        latest.watts,
    )
