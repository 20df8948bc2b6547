# SPDX-License-Identifier: Apache-2.0

"""Access to sysfs attributes.

Reads of an attribute have no timeout. The kernel driver answers them; one
that asks a controller has its own timeout (ibmaem: 30 s).
"""

import collections.abc
import errno
import pathlib
import re
import typing

from energy_meter import exception

#: The value is unavailable: the sensor is disabled, the battery is removed.
UNAVAILABLE = (errno.ENODATA, errno.ENODEV)

T = typing.TypeVar('T')


def read_text(attribute: pathlib.Path) -> str | None:
    """Read an attribute.

    :returns: its text without surrounding white space; None if the value is
        unavailable or the read was interrupted.
    :raises DeviceUnreachable: if the attribute does not exist or cannot be
        read; its cause is the OSError.
    """
    try:
        text = attribute.read_text('ascii', 'replace').strip()
    except OSError as e:
        if e.errno in UNAVAILABLE:
            return None
        raise exception.DeviceUnreachable(
            device=attribute, reason=e.strerror
        ) from e
    return text or None


def read_integer(attribute: pathlib.Path) -> int | None:
    """Read an attribute that contains an integer.

    :returns: None as :func:`read_text`.
    :raises ProtocolError: if it contains anything else.
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
    """Read an attribute that not every device has.

    :returns: None if the attribute does not exist, or as :func:`read_text`.
    """
    return read_text(attribute) if attribute.exists() else None


def entries(directory: pathlib.Path) -> list[pathlib.Path]:
    """List a directory in natural order: 2 before 10.

    :returns: an empty list if the directory does not exist, because this
        machine has no device of that class.
    """
    try:
        return sorted(directory.iterdir(), key=_natural_key)
    except FileNotFoundError:
        return []


def _natural_key(path: pathlib.Path) -> list[str | int]:
    return [
        int(part) if part.isdecimal() else part
        for part in re.split('([0-9]+)', path.name)
    ]


def assign(
    device: str,
    channels: collections.abc.Mapping[str, T],
    probes: collections.abc.Sequence[str | None],
) -> dict[str, T]:
    """Return the channel of each probe; skip channels that are not metered.

    :param device: name of the device for error texts.
    :param channels: the device's channels, by name.
    :param probes: if empty, no channel is assigned: the driver was opened
        only to list its channels.
    :raises DriverError: if the numbers of channels and places in ``probes``
        differ. A guess could meter the wrong channel.
    """
    if not probes:
        return {}
    if len(channels) != len(probes):
        raise exception.DriverError(
            reason=f'{device} has {len(channels)} channels '
            f'({", ".join(channels) or "none"}), but probes has '
            f'places for {len(probes)}: give each a place, an empty '
            f'one to leave it out'
        )
    return {
        probe: channel
        for probe, channel in zip(probes, channels.values(), strict=True)
        if probe is not None
    }
