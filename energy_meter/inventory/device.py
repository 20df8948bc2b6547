# SPDX-License-Identifier: Apache-2.0

"""Devices of an inventory."""

import collections
import collections.abc
import typing

#: Option that names the driver of a device.
DRIVER = 'driver'


class Device(typing.NamedTuple):
    """A device of an inventory.

    :ivar name: name of its wattmeter.
    :ivar options: options of its wattmeter as text, by name.
    :ivar origin: place in the inventory, for messages.
    """

    name: str
    options: collections.abc.Mapping[str, str]
    origin: str


class Inventory(typing.NamedTuple):
    """The devices of an inventory.

    :ivar skipped: names of entries that are not devices to meter, by the
        reason why they are not.
    """

    devices: list[Device]
    skipped: collections.abc.Mapping[str, list[str]]


def inventory(
    entries: collections.abc.Iterable[tuple[str, Device | str]],
) -> Inventory:
    """Return an inventory.

    :param entries: name of each entry, and its device or the reason why it is
        skipped.
    """
    devices = []
    skipped: dict[str, list[str]] = collections.defaultdict(list)
    for name, entry in entries:
        if isinstance(entry, Device):
            devices.append(entry)
        else:
            skipped[entry].append(name)
    return Inventory(devices, skipped)
