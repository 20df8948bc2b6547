# SPDX-License-Identifier: Apache-2.0

"""Time zones, and the one that the user's machine is set to."""

import argparse
import os
import pathlib
import zoneinfo

_LOCALTIME = pathlib.Path('/etc/localtime')
_TIMEZONE = pathlib.Path('/etc/timezone')


def parse(name: str) -> zoneinfo.ZoneInfo:
    """Return the zone of a name.

    :raises argparse.ArgumentTypeError: if there is none.
    """
    try:
        return zoneinfo.ZoneInfo(name)
    # An empty name, one that leaves the directory, or a directory.
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise argparse.ArgumentTypeError(
            f'{name!r}: expected the name of a time zone, such as '
            'Europe/Paris or UTC'
        )


def local() -> zoneinfo.ZoneInfo:
    """Return the zone of this machine or of the variable TZ, else UTC.

    The C library knows the rules of the zone but not its name, which the API
    needs.
    """
    for name in _names():
        try:
            return parse(name)
        except argparse.ArgumentTypeError:
            continue
    return zoneinfo.ZoneInfo('UTC')


def _names() -> list[str]:
    """Return the names of the zone, as far as they are known."""
    if 'TZ' in os.environ:
        return [_base(os.environ['TZ'].removeprefix(':'))]
    names = [_base(os.path.realpath(_LOCALTIME))]
    try:
        names.append(_TIMEZONE.read_text(encoding='utf-8').strip())
    except OSError:
        pass
    return names


def _base(path: str) -> str:
    """Return the part of a path that is the name of a zone."""
    return path.rpartition('/zoneinfo/')[2]
