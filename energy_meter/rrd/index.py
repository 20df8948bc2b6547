# SPDX-License-Identifier: Apache-2.0


"""What the archive knows of its files that they don't say themselves.

The index is one file beside them, written anew after each flush. Should it
be lost, file names tell most ids, and the next measurements the rest.
"""

import collections.abc
import itertools
import json
import os
import pathlib
import typing

from energy_meter import exception
from energy_meter import measurement
from energy_meter.rrd import names

NAME = 'index.json'
_VERSION = 1


class Entry(typing.NamedTuple):
    """A probe that has a file.

    :ivar colour: number of its colour in graphs.
    :ivar interval: usual seconds between two measurements, None before
        there were two.
    :ivar word: the last measurement that was written, None before it is.
    """

    colour: int
    interval: float | None = None
    word: measurement.Measurement | None = None


Entries = dict[str, Entry]


def save(directory: pathlib.Path, entries: Entries) -> None:
    """Write the index so that it is whole whatever happens.

    :raises OSError: when it can't be written.
    """
    # Not synced to the disk: what a power failure takes is replaced soon.
    fresh = directory / f'{NAME}.new'
    fresh.write_text(
        json.dumps(
            {'version': _VERSION, 'probes': entries}, separators=(',', ':')
        ),
        'utf-8',
    )
    fresh.replace(directory / NAME)


def load(directory: pathlib.Path) -> Entries:
    """Read the index.

    :raises DamagedFile: when it makes no sense.
    :raises OSError: when it can't be read.
    """
    path = directory / NAME
    try:
        probes = json.loads(path.read_bytes())['probes']
        return {probe: _entry(*row) for probe, row in probes.items()}
    except FileNotFoundError:
        return {}
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        raise exception.DamagedFile(path=path, reason=error)


def complete(directory: pathlib.Path, entries: Entries) -> Entries:
    """Make an index agree with the files that there are.

    :returns: the probes that have a file.
    :raises OSError: when the directory can't be read.
    """
    files = set(os.listdir(directory))
    found = {
        probe: entry
        for probe, entry in entries.items()
        if names.to_file(probe) in files
    }
    colours = free_colours(found)
    for probe in sorted(filter(None, map(names.to_probe, files))):
        if probe not in found:
            found[probe] = Entry(next(colours))
    return found


def free_colours(entries: Entries) -> collections.abc.Iterator[int]:
    """Give colours that no probe has."""
    return itertools.count(
        1 + max((entry.colour for entry in entries.values()), default=-1)
    )


def _entry(
    colour: int, interval: float | None, word: list[typing.Any] | None
) -> Entry:
    if word is None:
        return Entry(colour, interval)
    probe, key, *rest = word
    return Entry(
        colour,
        interval,
        measurement.Measurement(
            measurement.Probe(*probe), measurement.RegisterKey(*key), *rest
        ),
    )
