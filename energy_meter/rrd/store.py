# SPDX-License-Identifier: Apache-2.0


"""The files of an archive, as the one process knows them that writes it."""

import collections
import pathlib
import time
import typing

from oslo_config import cfg

from energy_meter import complaint
from energy_meter import counters
from energy_meter import exception
from energy_meter import measurement
from energy_meter.rrd import files
from energy_meter.rrd import index
from energy_meter.rrd import layout as rrd_layout
from energy_meter.rrd import names
from energy_meter.rrd import sinks
from energy_meter.rrd import track as rrd_track

_TELLING = {
    'future': '%d measurements of probe %s were made in the future: the '
    'clocks of its agent and of this machine differ; skipped',
    'clock': '%d measurements of probe %s are older than what is written '
    'already: the clock of its agent was set back; such are skipped '
    'until it has caught up',
}

#: Measurements by probe.
Words = dict[str, list[measurement.Measurement]]


class _Draft(typing.NamedTuple):
    """What is to be written of a probe, and what then has been."""

    probe: str
    points: list[rrd_track.Point]
    refusals: collections.Counter[str]
    track: rrd_track.Track | None


class Store:
    """Writes measurements into the files of their probes.

    :param directory: belongs to this process.
    :raises ConfigurationError: when no file could be made as configured.
    :raises ArchiveUnusable: when the directory can't be used.
    """

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        directory: pathlib.Path,
        counts: counters.Counters,
        complaints: complaint.Complaints,
    ) -> None:
        self._directory = directory
        self._layout = rrd_layout.Layout(conf.rrd)
        self._rules = rrd_track.Rules(
            conf.rrd.step, conf.rrd.max_gap, conf.collector.max_watts
        )
        self._sink = sinks.make(conf.rrd.daemon)
        self._counters = counts
        self._complaints = complaints
        self._tracks: dict[str, rrd_track.Track] = {}
        try:
            self._entries = index.complete(directory, self._load())
        except OSError as error:
            raise exception.ArchiveUnusable(
                path=directory, reason=error.strerror
            )
        self._colours = index.free_colours(self._entries)

    def write(self, words: Words) -> dict[str, str]:
        """Write measurements.

        :returns: why probes' files did not take theirs.
        :raises DaemonUnavailable: when nobody knows what was written.
        """
        try:
            return self._write(words)
        except exception.DaemonUnavailable:
            self._tracks.clear()
            raise

    def save(self) -> None:
        """Write the index.

        :raises OSError: when it can't be written.
        """
        index.save(self._directory, self._entries)

    def _load(self) -> index.Entries:
        try:
            return index.load(self._directory)
        except exception.DamagedFile as error:
            files.set_aside(self._directory / index.NAME, error)
            self._counters.count('damaged_files')
            return {}

    def _write(self, words: Words) -> dict[str, str]:
        failures: dict[str, str] = {}
        drafts: dict[pathlib.Path, _Draft] = {}
        now = time.time()
        for probe, found in words.items():
            path = self._directory / names.to_file(probe)
            try:
                drafts[path] = self._draft(path, probe, found, now)
            except (exception.RRDError, OSError) as error:
                failures[probe] = str(error)
        refused = self._sink.write(
            {
                path: draft.points
                for path, draft in drafts.items()
                if draft.points
            }
        )
        for path, draft in drafts.items():
            if path in refused:
                failures[draft.probe] = refused[path]
                # What the file has now, only itself can tell.
                del self._tracks[draft.probe]
            else:
                self._enter(draft)
        return failures

    def _draft(
        self,
        path: pathlib.Path,
        probe: str,
        words: list[measurement.Measurement],
        now: float,
    ) -> _Draft:
        """Turn measurements into points.

        :raises RRDError: when there is no file, and none can be made.
        :raises OSError: when its file can't be used.
        """
        refusals: collections.Counter[str] = collections.Counter()
        points: list[rrd_track.Point] = []
        track = None
        for word in sorted(words, key=rrd_track.time_of):
            if rrd_track.is_future(word, now):
                refusals['future'] += 1
                continue
            track = track or self._track(path, word)
            refusal = rrd_track.refusal(track, word)
            if refusal is not None:
                refusals[refusal] += 1
                continue
            more, track = rrd_track.follow(track, word, self._rules)
            points += more
            if not more:
                refusals['unknown'] += 1
        return _Draft(probe, points, refusals, track)

    def _track(
        self, path: pathlib.Path, word: measurement.Measurement
    ) -> rrd_track.Track:
        known = self._tracks.get(word.probe.id)
        if known is None:
            known = self._tracks[word.probe.id] = self._open(path, word)
        return known

    def _open(
        self, path: pathlib.Path, word: measurement.Measurement
    ) -> rrd_track.Track:
        """Learn what a file has, or make it for its first measurement."""
        self._sink.flush([path])
        try:
            info = files.inspect(path)
        except FileNotFoundError:
            return self._create(path, word)
        except exception.DamagedFile as error:
            self._sink.forget(path)
            files.set_aside(path, error)
            self._counters.count('damaged_files')
            return self._create(path, word)
        if not self._layout.fits(info):
            self._complaints.complain(
                'layout',
                '%s was made with another step, max_gap or other '
                'archives than [rrd] has now: energy-meter-manage rrd migrate '
                'rewrites such files',
                path,
            )
        entry = self._entries.get(word.probe.id) or index.Entry(0)
        return rrd_track.resume(
            info['last_update'],
            files.last_watts(info),
            entry.interval,
            entry.word,
        )

    def _create(
        self, path: pathlib.Path, word: measurement.Measurement
    ) -> rrd_track.Track:
        start = rrd_track.row_start(rrd_track.time_of(word), self._rules.step)
        files.create(path, start, self._layout)
        return rrd_track.Track(start)

    def _enter(self, draft: _Draft) -> None:
        """Remember what was written; count, and say, what was not."""
        self._counters.count('points', len(draft.points))
        for reason, number in draft.refusals.items():
            self._counters.count('skipped', number, reason=reason)
            if reason in _TELLING:
                self._complaints.complain(
                    reason, _TELLING[reason], number, draft.probe
                )
        if draft.track is None or not draft.points:
            return
        self._tracks[draft.probe] = draft.track
        known = self._entries.get(draft.probe)
        self._entries[draft.probe] = index.Entry(
            next(self._colours) if known is None else known.colour,
            draft.track.interval,
            draft.track.word,
        )
