# SPDX-License-Identifier: Apache-2.0


"""Rewriting files that were made with other options."""

import collections.abc
import pathlib
import typing

from oslo_config import cfg

from energy_meter import exception
from energy_meter.rrd import files
from energy_meter.rrd import layout as rrd_layout
from energy_meter.rrd import names
from energy_meter.rrd import sinks

#: Shows the progress of going through files.
Watch = collections.abc.Callable[
    [list[pathlib.Path]], collections.abc.Iterable[pathlib.Path]
]


class Outcome(typing.NamedTuple):
    """What became of the files.

    :ivar rewritten: how many were made otherwise.
    :ivar failures: why some stay as they were.
    """

    rewritten: int
    failures: dict[pathlib.Path, str]


def migrate(conf: cfg.ConfigOpts, watch: Watch) -> Outcome:
    """Rewrite all files of the archive that are made otherwise.

    What they hold is kept, as far as there is room for it.

    :raises ArchiveInUse: when the plugin runs.
    :raises ArchiveUnusable: when the directory can't be used.
    :raises ConfigurationError: when no file could be made as configured.
    :raises DaemonUnavailable: when rrdcached is needed, and away.
    """
    layout = rrd_layout.Layout(conf.rrd)
    sink = sinks.make(conf.rrd.daemon)
    directory = pathlib.Path(conf.rrd.directory).resolve()
    rewritten = 0
    failures = {}
    with files.own(directory):
        paths = sorted(directory.glob(f'*{names.SUFFIX}'))
        sink.flush(paths)
        for path in watch(paths):
            try:
                rewritten += files.migrate(path, layout)
            except (
                exception.DamagedFile,
                exception.RRDError,
                OSError,
            ) as error:
                failures[path] = str(error)
    return Outcome(rewritten, failures)
