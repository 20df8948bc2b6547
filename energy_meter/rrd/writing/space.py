# SPDX-License-Identifier: Apache-2.0

"""Bounds of new files: files of each agent, free space, and files at a time.

Existing files never grow, so nothing bounds them.
"""

import collections
import collections.abc
import pathlib
import typing

from oslo_config import cfg

from energy_meter import measurement
from energy_meter.rrd.files import free_space
from energy_meter.rrd.files import index

#: Number of files that one flush creates. Each takes some ms, in which no
#: probe is written.
MAX_NEW_FILES = 500

_Probes = list[measurement.Probe]


class Choice(typing.NamedTuple):
    """Which of the missing files are not created now.

    :ivar excess: probes of agents that have as many files as they may.
    :ivar later: probes whose turn comes with a later flush.
    """

    excess: _Probes
    later: _Probes


class Space:
    """Decides for which probes files are created.

    :param directory: of the archive.
    :param entries: index entries of the files that exist.
    """

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        directory: pathlib.Path,
        entries: index.Entries,
    ) -> None:
        self._directory = directory
        self._max_files: int = conf.collector.max_agent_probes
        self._min_free_mb: int = conf.rrd.min_free_mb
        self._files: dict[str, set[str]] = {}
        for entry in entries.values():
            if entry.latest is not None:
                self.add(entry.latest.probe)

    def add(self, probe: measurement.Probe) -> None:
        """Count the file of a probe as one of its agent."""
        self._files.setdefault(probe.agent, set()).add(probe.id)

    def choose(
        self, missing: collections.abc.Iterable[measurement.Probe]
    ) -> Choice:
        """Choose which missing files are created now; agents take turns."""
        turns: list[tuple[int, measurement.Probe]] = []
        excess: _Probes = []
        new: collections.Counter[str] = collections.Counter()
        for probe in missing:
            files = self._files.get(probe.agent, ())
            if len(files) + new[probe.agent] >= self._max_files:
                excess.append(probe)
            else:
                turns.append((new[probe.agent], probe))
                new[probe.agent] += 1
        turns.sort(key=lambda turn: turn[0])
        return Choice(excess, [probe for _, probe in turns[MAX_NEW_FILES:]])

    def check(self) -> None:
        """Check that the disk has room for a new file.

        :raises ArchiveFull: if it has not.
        :raises OSError: if the disk cannot be queried.
        """
        free_space.check(self._directory, self._min_free_mb)
