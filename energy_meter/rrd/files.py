# SPDX-License-Identifier: Apache-2.0


"""RRD files on the disk."""

import collections.abc
import contextlib
import logging
import os
import pathlib
import shutil
import time

from energy_meter import exception
from energy_meter.rrd import layout as rrd_layout
from energy_meter.rrd import librrd
from energy_meter.rrd import locks
from energy_meter.rrd import restep

LOG = logging.getLogger(__name__)

_LOCK = 'lock'


@contextlib.contextmanager
def own(directory: pathlib.Path) -> collections.abc.Iterator[None]:
    """Be the one who writes the archive.

    :raises ArchiveInUse: when another process does.
    :raises ArchiveUnusable: when the directory can't be used.
    """
    with contextlib.ExitStack() as stack:
        try:
            directory.mkdir(parents=True, exist_ok=True, mode=0o750)
            stack.enter_context(locks.hold(directory / _LOCK, wait=False))
        except BlockingIOError:
            raise exception.ArchiveInUse(path=directory)
        except OSError as error:
            raise exception.ArchiveUnusable(
                path=directory, reason=error.strerror
            )
        yield


def create(path: pathlib.Path, start: int, layout: rrd_layout.Layout) -> None:
    """Make a file, whole or not at all.

    :param start: seconds since the epoch; all points will be later.
    :raises RRDError: when it can't be made.
    :raises OSError: when it can't be given its name.
    """
    with _replacing(path) as fresh:
        librrd.create(
            str(fresh), '--start', str(start), *layout.create_arguments()
        )


def migrate(path: pathlib.Path, layout: rrd_layout.Layout) -> bool:
    """Make a file fit a layout, and keep what it holds.

    :returns: whether it had to be changed.
    :raises DamagedFile: when it makes no sense.
    :raises RRDError: when it can't be changed.
    :raises OSError: when it can't be written.
    """
    info = inspect(path)
    if layout.fits(info):
        return False
    with _replacing(path) as fresh:
        if info['step'] == layout.step:
            shutil.copy2(path, fresh)
        else:
            restep.rewrite(path, fresh, layout.step)
        changes = layout.tune_arguments(librrd.info(str(fresh)))
        if changes:
            librrd.tune(str(fresh), *changes)
    return True


def inspect(path: pathlib.Path) -> rrd_layout.Info:
    """Tell how a file is made.

    :raises DamagedFile: when it makes no sense.
    :raises OSError: when it can't be read and written.
    """
    path.open('r+b').close()
    try:
        return librrd.info(str(path))
    except exception.RRDError as error:
        raise exception.DamagedFile(path=path, reason=error)


def last_watts(info: rrd_layout.Info) -> float | None:
    """Give the power of a file's last point; None where it is unknown."""
    try:
        return float(info[f'ds[{librrd.SOURCE}].last_ds'])
    except ValueError:
        return None


def set_aside(path: pathlib.Path, error: exception.DamagedFile) -> None:
    """Give a damaged file another name, and say so.

    :raises OSError: when it can't be renamed.
    """
    stamp = time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())
    aside = path.with_name(f'{path.name}.damaged-{stamp}')
    os.replace(path, aside)
    LOG.error('%s. It is kept as %s, and a new one begun', error, aside.name)


@contextlib.contextmanager
def _replacing(
    path: pathlib.Path,
) -> collections.abc.Iterator[pathlib.Path]:
    """Make a file, under another name until it is whole."""
    fresh = path.with_name(f'{path.name}.new')
    try:
        yield fresh
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
