# SPDX-License-Identifier: Apache-2.0

"""What the drivers that read sysfs have in common.

Reading an attribute has no timeout: the kernel's driver answers it, and one
that asks a controller (ibmaem: 30 s) gives up by itself.
"""

import collections.abc
import errno
import pathlib
import re
import typing

from energy_meter import exception

#: There is no value now: the sensor is disabled, the battery is out.
NO_VALUE = (errno.ENODATA, errno.ENODEV)

T = typing.TypeVar('T')


def read_text(attribute: pathlib.Path) -> str | None:
    """Read an attribute.

    :returns: its text without white space around it; None where it has no
        value at the moment, or the reading of it was interrupted.
    :raises DeviceUnreachable: it is not there, or can't be read; caused by
        the OSError.
    """
    try:
        text = attribute.read_text('ascii', 'replace').strip()
    except OSError as e:
        if e.errno in NO_VALUE:
            return None
        raise exception.DeviceUnreachable(
            device=attribute, reason=e.strerror
        ) from e
    return text or None


def read_integer(attribute: pathlib.Path) -> int | None:
    """Read an attribute that holds an integer.

    :raises ProtocolError: it holds something else.
    :raises DeviceUnreachable: as :func:`read_text`.
    """
    text = read_text(attribute)
    if text is None:
        return None
    try:
        return int(text)
    except ValueError:
        raise exception.ProtocolError(
            device=attribute, reason=f'{text[:40]!r} is not an integer'
        )


def read_optional(attribute: pathlib.Path) -> str | None:
    """Read an attribute that not every device has, as :func:`read_text`."""
    return read_text(attribute) if attribute.exists() else None


def entries(directory: pathlib.Path) -> list[pathlib.Path]:
    """List a directory, numbers in the names in their order: 2 before 10.

    :returns: nothing where there is no such directory, as of a class of
        devices that this machine hasn't.
    """
    try:
        return sorted(directory.iterdir(), key=_natural)
    except FileNotFoundError:
        return []


def _natural(path: pathlib.Path) -> list[str | int]:
    return [
        int(part) if part.isdecimal() else part
        for part in re.split('([0-9]+)', path.name)
    ]


def assign(
    device: str,
    outlets: collections.abc.Mapping[str, T],
    probes: collections.abc.Sequence[str | None],
) -> dict[str, T]:
    """Tell what each probe measures; probes that are left out are no keys.

    :param device: what has the outlets, for the error's text.
    :param outlets: what was found, by name.
    :param probes: none to assign nothing, for a driver that is only asked
        what there is.
    :raises DriverError: there is not exactly one place in ``probes`` for
        each outlet: guessing would meter the wrong thing.
    """
    if not probes:
        return {}
    if len(outlets) != len(probes):
        raise exception.DriverError(
            reason=f'{device} has {len(outlets)} outlets '
            f'({", ".join(outlets) or "none"}), but probes has '
            f'places for {len(probes)}: give each a place, an empty '
            f'one to leave it out'
        )
    return {
        probe: outlet
        for probe, outlet in zip(probes, outlets.values(), strict=True)
        if probe is not None
    }
