# SPDX-License-Identifier: Apache-2.0

"""Migration of an archive to the configured layout."""

import collections.abc
import pathlib
import typing

from oslo_config import cfg

from energy_meter import exception
from energy_meter.rrd.files import layout as rrd_layout
from energy_meter.rrd.files import names
from energy_meter.rrd.files import rrdfile
from energy_meter.rrd.writing import backends

#: Wraps the iteration over the files, for example in a progress bar.
Progress = collections.abc.Callable[
    [list[pathlib.Path]], collections.abc.Iterable[pathlib.Path]
]


class Result(typing.NamedTuple):
    """Result of a migration.

    :ivar rewritten: number of files that were rewritten.
    :ivar failures: reasons for files that were left unchanged.
    """

    rewritten: int
    failures: dict[pathlib.Path, str]


def migrate(
    conf: cfg.ConfigOpts, progress: Progress, dry_run: bool = False
) -> Result:
    """Rewrite all files of the archive whose layout is not the configured one.

    Data is kept as far as the new layout has room for it.

    :param dry_run: only count the files.
    :raises ArchiveInUse: if the plugin is running.
    :raises ArchiveUnusable: if the directory cannot be used.
    :raises ConfigurationError: if the configured layout is invalid.
    :raises RRDCachedUnavailable: if rrdcached is configured and does not
        respond.
    """
    layout = rrd_layout.Layout(conf.rrd)
    backend = backends.make(conf.rrd.daemon)
    directory = pathlib.Path(conf.rrd.directory).resolve()
    convert = rrdfile.is_outdated if dry_run else rrdfile.migrate
    rewritten = 0
    failures = {}
    with rrdfile.lock_archive(directory):
        paths = sorted(directory.glob(f'*{names.SUFFIX}'))
        backend.flush(paths)
        for path in progress(paths):
            try:
                rewritten += convert(path, layout)
            except (
                exception.CorruptFile,
                exception.RRDError,
                OSError,
            ) as error:
                failures[path] = str(error)
    return Result(rewritten, failures)
