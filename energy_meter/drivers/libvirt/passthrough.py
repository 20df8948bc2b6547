# SPDX-License-Identifier: Apache-2.0

"""PCI devices of this host that are passed through to domains.

Source: libvirt's documentation of the domain XML. The source of a device that
is passed through has the address of the device on the host. That of mediated
devices and of USB devices has other attributes.
"""

import collections.abc
import re
import typing
import xml.etree.ElementTree as etree

from oslo_config import types

from energy_meter import cpu_usage

#: As lspci -D prints it. The domain is 0000 on most machines.
_ADDRESS = re.compile(
    r'(?:([0-9a-f]{4,8}):)?([0-9a-f]{2}):([0-9a-f]{2})\.([0-7])',
    re.IGNORECASE,
)
_ATTRIBUTES = 'domain', 'bus', 'slot', 'function'


class Address(typing.NamedTuple):
    """Address of a PCI device."""

    domain: int
    bus: int
    slot: int
    function: int


class Option(types.List):
    """Type of an option: a list of devices, each as ``PROBE=ADDRESS``."""

    def __call__(self, value: object) -> list[str]:
        texts: list[str] = super().__call__(value)
        parse_option(texts)
        return texts


def parse_option(texts: collections.abc.Iterable[str]) -> dict[str, Address]:
    """Return the device that each probe measures.

    :param texts: of the form ``PROBE=ADDRESS``.
    :raises ValueError: if one has another form, or a probe or a device
        occurs twice.
    """
    found: dict[str, Address] = {}
    for text in texts:
        probe, _, address = map(str.strip, text.rpartition('='))
        match = _ADDRESS.fullmatch(address)
        if not probe or not match:
            raise ValueError(
                'expected PROBE=ADDRESS with an address such as '
                f'0000:3b:00.0, but found {text!r}'
            )
        device = Address(
            *(int(digits or '0', 16) for digits in match.groups())
        )
        if probe in found:
            raise ValueError(f'probe {probe} occurs twice')
        if device in found.values():
            raise ValueError(
                f'device {address} has two probes: its energy would be '
                'billed twice'
            )
        found[probe] = device
    return found


def parse_domain(description: str) -> frozenset[Address]:
    """Return the PCI devices of the host that a domain has.

    :param description: XML of the domain.
    """
    # libvirt has formatted it, so it has no entities.
    root = etree.fromstring(description)  # noqa: S314
    return frozenset(
        Address(*(int(source.get(name, ''), 16) for name in _ATTRIBUTES))
        for source in root.iterfind('devices/*/source/address')
        if all(map(source.get, _ATTRIBUTES))
    )


def assign(
    probes: collections.abc.Mapping[str, Address],
    domains: collections.abc.Mapping[str, frozenset[Address]],
) -> tuple[cpu_usage.Device, ...]:
    """Return the devices, in order of their probes.

    :param domains: the devices of each instance, by its UUID.
    """
    holders = {
        device: uuid for uuid, devices in domains.items() for device in devices
    }
    return tuple(
        cpu_usage.Device(probe, holders.get(device))
        for probe, device in sorted(probes.items())
    )
