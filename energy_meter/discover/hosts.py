# SPDX-License-Identifier: Apache-2.0

"""Devices to search: single addresses, networks, ranges and files of them."""

import collections.abc
import ipaddress
import itertools
import pathlib
import typing

from oslo_utils import netutils

from energy_meter.conf import ranges
from energy_meter.discover import target

#: Maximum number of addresses of one network or range.
MAX_ADDRESSES = 65_536

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Host(typing.NamedTuple):
    """A device to search.

    :ivar address: ``HOST``, ``HOST:PORT`` or a URL.
    :ivar name: name for its sections; empty to derive it from the address.
    """

    address: str
    name: str = ''


def expand(text: str) -> list[Host]:
    """Return the devices that an argument names.

    :param text: an address, ``NETWORK/PREFIX``, ``FIRST-LAST``, each with an
        optional port, a URL, or ``@FILE`` for a file of these. A line of the
        file contains an address and optionally a name. Addresses and names
        may contain a range in braces.
    :raises ValueError: if the text is invalid.
    """
    if text.startswith('@'):
        return _read(pathlib.Path(text[1:]))
    return [Host(address) for address in _addresses(text)]


def _read(path: pathlib.Path) -> list[Host]:
    try:
        lines = path.read_text(encoding='utf-8').splitlines()
    except OSError as error:
        raise ValueError(f'{path}: {error.strerror}') from None
    hosts: list[Host] = []
    names: set[str] = set()
    for number, line in enumerate(lines, 1):
        try:
            found = _parse_line(line)
            for name in filter(None, (host.name for host in found)):
                if name in names:
                    raise ValueError(f'{name} is also another device')
                names.add(name)
        except ValueError as error:
            raise ValueError(f'{path}:{number}: {error}') from None
        hosts += found
    return hosts


def _parse_line(line: str) -> list[Host]:
    words = line.partition('#')[0].split()
    if not words:
        return []
    text, *names = words
    if len(names) > 1:
        raise ValueError('expected an address and a name')
    addresses = _addresses(text)
    if not names:
        return [Host(address) for address in addresses]
    names = ranges.expand(names[0])
    if len(names) != len(addresses):
        count = 'one name' if len(names) == 1 else f'{len(names)} names'
        raise ValueError(f'{text}: {len(addresses)} addresses for {count}')
    return [*map(Host, addresses, names)]


def _addresses(text: str) -> list[str]:
    """Return the addresses of a text that may contain a range in braces."""
    found: list[str] = []
    for each in ranges.expand(text):
        if ranges.has_braces(each):
            raise ValueError(f'{text}: expected a range such as {{01..40}}')
        found += _without_braces(each)
        if len(found) > MAX_ADDRESSES:
            raise ValueError(f'{text}: more than {MAX_ADDRESSES:,} addresses')
    return found


def _without_braces(text: str) -> list[str]:
    """Return the addresses of a network or range, or the only address."""
    if '://' in text:
        return [text]
    place, port = target.split(text)
    members = _members(place)
    if members is None:
        return [str(target.Target(place, port))]
    # One more than the maximum is enough to know that there are too many.
    limited = list(itertools.islice(members, MAX_ADDRESSES + 1))
    if not 0 < len(limited) <= MAX_ADDRESSES:
        raise ValueError(
            f'{text}: expected 1 to {MAX_ADDRESSES:,} addresses in the order '
            'FIRST-LAST'
        )
    return [str(target.Target(str(each), port)) for each in limited]


def _members(place: str) -> collections.abc.Iterator[_Address] | None:
    """Return the addresses of a network or range, None for another text."""
    if '/' in place:
        # The type hints of hosts() lack its elements.
        return map(
            ipaddress.ip_address,
            ipaddress.ip_network(place, strict=False).hosts(),
        )
    first, dash, last = place.partition('-')
    # Host names contain dashes, too.
    if not dash or not netutils.is_valid_ip(first):
        return None
    if last.isdecimal() and netutils.is_valid_ipv4(first):
        last = f'{first.rpartition(".")[0]}.{last}'
    return _range(ipaddress.ip_address(first), ipaddress.ip_address(last))


def _range(
    first: _Address, last: _Address
) -> collections.abc.Iterator[_Address]:
    if first.version != last.version:
        raise ValueError(f'{first}-{last}: addresses of two IP versions')
    return map(type(first), range(int(first), int(last) + 1))


def summarize(addresses: collections.abc.Iterable[str]) -> str:
    """Return addresses as text, with consecutive ones as ``FIRST-LAST``."""
    parts: list[tuple[str, str]] = []
    for address in addresses:
        if parts and _follows(parts[-1][1], address):
            parts[-1] = (parts[-1][0], address)
        else:
            parts.append((address, address))
    return ', '.join(
        first if first == last else f'{first}-{last}' for first, last in parts
    )


def _follows(first: str, second: str) -> bool:
    try:
        return ipaddress.ip_address(first) + 1 == ipaddress.ip_address(second)
    except ValueError:
        return False
