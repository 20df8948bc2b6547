# SPDX-License-Identifier: Apache-2.0

"""Creation, inspection and migration of RRD files."""

import collections.abc
import contextlib
import logging
import os
import pathlib
import shutil
import time

from energy_meter import exception
from energy_meter.rrd.files import layout as rrd_layout
from energy_meter.rrd.files import librrd
from energy_meter.rrd.files import locks
from energy_meter.rrd.files import resample

LOG = logging.getLogger(__name__)

_LOCK = 'lock'


@contextlib.contextmanager
def lock_archive(
    directory: pathlib.Path,
) -> collections.abc.Iterator[None]:
    """Lock an archive, so that only this process writes to it.

    :param directory: of the archive, created if necessary.
    :raises ArchiveInUse: if another process holds the lock.
    :raises ArchiveUnusable: if the directory cannot be used.
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
    """Create a file atomically.

    :param start: seconds since the epoch; all points must be later.
    :raises RRDError: if it cannot be created.
    :raises OSError: if its directory cannot be written.
    """
    with _replacing(path) as temporary:
        # rrdtool keeps the mode of an existing file, but ignores the umask
        # for a new one: all users could read it.
        temporary.touch()
        librrd.create(
            str(temporary), '--start', str(start), *layout.create_arguments()
        )


def migrate(path: pathlib.Path, layout: rrd_layout.Layout) -> bool:
    """Convert a file to a layout and keep its data.

    :returns: whether the file had to be converted.
    :raises CorruptFile: if it is not a valid RRD file.
    :raises RRDError: if it cannot be converted.
    :raises OSError: if it cannot be written.
    """
    info = inspect(path)
    if layout.fits(info):
        return False
    with _replacing(path) as temporary:
        if info['step'] == layout.step:
            shutil.copy2(path, temporary)
        else:
            resample.convert(path, temporary, layout.step)
        changes = layout.tune_arguments(librrd.info(str(temporary)))
        if changes:
            librrd.tune(str(temporary), *changes)
    return True


def is_outdated(path: pathlib.Path, layout: rrd_layout.Layout) -> bool:
    """Return whether a file does not have a layout.

    :raises CorruptFile: if it is not a valid RRD file.
    :raises OSError: if it cannot be opened for reading and writing.
    """
    return not layout.fits(inspect(path))


def inspect(path: pathlib.Path) -> rrd_layout.Info:
    """Return the layout and the state of a file.

    :raises CorruptFile: if it is not a valid RRD file.
    :raises OSError: if it cannot be opened for reading and writing.
    """
    path.open('r+b').close()
    try:
        return librrd.info(str(path))
    except exception.RRDError as error:
        raise exception.CorruptFile(path=path, reason=error)


def last_watts(info: rrd_layout.Info) -> float | None:
    """Return the power of a file's last point; None if it is unknown."""
    try:
        return float(info[f'ds[{librrd.SOURCE}].last_ds'])
    except ValueError:
        return None


def set_aside(path: pathlib.Path, error: exception.CorruptFile) -> None:
    """Rename a corrupt file and log an error.

    Call it after the ``except`` block: inside it oslo.log appends the active
    exception to the line.

    :raises OSError: if it cannot be renamed.
    """
    stamp = time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())
    renamed = path.with_name(f'{path.name}.corrupt-{stamp}')
    os.replace(path, renamed)
    LOG.error('%s; renamed it to %s, starting a new file', error, renamed.name)


@contextlib.contextmanager
def _replacing(
    path: pathlib.Path,
) -> collections.abc.Iterator[pathlib.Path]:
    """Yield a temporary file that replaces another one when it is complete."""
    temporary = path.with_name(f'{path.name}.new')
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
