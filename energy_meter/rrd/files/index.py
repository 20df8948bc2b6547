# SPDX-License-Identifier: Apache-2.0

"""Index of an archive: what RRD files do not store about their probes.

The index is one file next to the RRD files and is replaced after each flush.
If it is lost, file names still contain most probe ids; everything else
returns with the next measurements.
"""

import collections.abc
import itertools
import os
import pathlib
import typing

import orjson

from energy_meter import exception
from energy_meter import measurement
from energy_meter.rrd.files import names

NAME = 'index.json'
_VERSION = 1


class Entry(typing.NamedTuple):
    """Index entry of a probe.

    :ivar color: number of the probe's color in graphs.
    :ivar interval: usual interval between two measurements, in seconds; None
        until there are two.
    :ivar latest: the last measurement written to the file; None if unknown.
    """

    color: int
    interval: float | None = None
    latest: measurement.Measurement | None = None

    @property
    def timestamp(self) -> float | None:
        """Time of the last measurement, in seconds since the epoch."""
        return None if self.latest is None else self.latest.timestamp / 1000


Entries = dict[str, Entry]


def save(directory: pathlib.Path, entries: Entries) -> None:
    """Replace the index atomically.

    :raises OSError: if it cannot be written.
    """
    # No fsync: after a power failure the next measurements rebuild the index.
    temporary = directory / f'{NAME}.new'
    temporary.write_bytes(
        orjson.dumps(
            {
                'version': _VERSION,
                'probes': {
                    probe: _row(entry) for probe, entry in entries.items()
                },
            },
            default=tuple,
        )
    )
    temporary.replace(directory / NAME)


def _row(entry: Entry) -> tuple[object, ...]:
    color, interval, latest = entry
    return color, interval, None if latest is None else latest.flat()


def load(directory: pathlib.Path) -> Entries:
    """Load the index.

    :returns: an empty index if there is no file.
    :raises CorruptFile: if the file is not a valid index.
    :raises OSError: if the file cannot be read.
    """
    path = directory / NAME
    try:
        probes = orjson.loads(path.read_bytes())['probes']
        return {probe: _entry(*row) for probe, row in probes.items()}
    except FileNotFoundError:
        return {}
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        raise exception.CorruptFile(path=path, reason=error)


def complete(directory: pathlib.Path, entries: Entries) -> Entries:
    """Reconcile an index with the RRD files in its directory.

    :returns: one entry for each probe that has a file; new entries for files
        that are not in the index.
    :raises OSError: if the directory cannot be read.
    """
    files = set(os.listdir(directory))
    completed = {
        probe: entry
        for probe, entry in entries.items()
        if names.to_file(probe) in files
    }
    colors = unused_colors(completed)
    others = files.difference(map(names.to_file, completed))
    for probe in sorted(filter(None, map(names.to_probe, others))):
        completed[probe] = Entry(next(colors))
    return completed


def unused_colors(entries: Entries) -> collections.abc.Iterator[int]:
    """Yield the numbers of colors that no probe uses."""
    return itertools.count(
        1 + max((entry.color for entry in entries.values()), default=-1)
    )


def _entry(
    color: int, interval: float | None, latest: list[typing.Any] | None
) -> Entry:
    if latest is None:
        return Entry(color, interval)
    return Entry(color, interval, measurement.parse_measurement(latest))
