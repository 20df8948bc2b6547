# SPDX-License-Identifier: Apache-2.0

"""Inventory of Ansible.

Only Ansible knows all formats, plugins and precedences of its inventories.
This module therefore reads what ``ansible-inventory --list`` prints.
"""

import collections.abc
import json
import pathlib
import subprocess
import sys
import typing

from energy_meter import exception
from energy_meter.inventory import device

PROGRAM = 'ansible-inventory'

#: Prefix of the variables with options of wattmeters.
PREFIX = 'energy_meter_'

#: Options with the address of a device.
PLACES = ('host', 'url')

#: Common variables with the address of a BMC, the first of which counts.
ADDRESSES = ('bmc_address', 'bmc_host', 'ipmi_address', 'ipmi_host')

_TIMEOUT_S = 300


def load(
    source: str, group: str, addresses: collections.abc.Sequence[str]
) -> device.Inventory:
    """Return the devices of an inventory.

    :param source: an inventory, a file with the output of
        ``ansible-inventory --list``, or - for that output as the input.
    :param group: name of the group to read.
    :param addresses: names of the variables with addresses of devices.
    :raises ConfigurationError: if the inventory cannot be read.
    """
    try:
        if source == '-':
            document = json.load(sys.stdin)
        else:
            document = _listed(pathlib.Path(source)) or _list(source)
        variables = document['_meta']['hostvars']
        members = sorted(_members(document, group))
    except (KeyError, TypeError, ValueError) as error:
        raise exception.ConfigurationError(
            f'{source}: not the output of {PROGRAM} --list: '
            f'{type(error).__name__}: {error}'
        ) from None
    return device.inventory(
        (host, _device(host, variables.get(host, {}), source, addresses))
        for host in members
    )


def _listed(path: pathlib.Path) -> typing.Any:
    """Return the content of a file with a listed inventory, else None."""
    try:
        document = json.loads(path.read_text(encoding='utf-8'))
    except (OSError, ValueError):
        return None
    return document if '_meta' in document else None


def _list(source: str) -> typing.Any:
    if not pathlib.Path(source).exists():
        raise exception.ConfigurationError(f'{source}: does not exist')
    try:
        listing = subprocess.run(  # noqa: S603
            [PROGRAM, '--inventory', source, '--list'],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
        )
    except FileNotFoundError:
        raise exception.ConfigurationError(
            f'{PROGRAM} is not installed; run "{PROGRAM} --inventory {source} '
            '--list" where it is, and pass its output'
        ) from None
    except subprocess.TimeoutExpired:
        raise exception.ConfigurationError(
            f'{PROGRAM} did not end within {_TIMEOUT_S} s'
        ) from None
    if listing.returncode:
        raise exception.ConfigurationError(
            f'{PROGRAM} failed: {listing.stderr.strip()}'
        )
    # Ansible only warns of a file that it cannot parse.
    if listing.stderr:
        print(listing.stderr.rstrip(), file=sys.stderr)
    return json.loads(listing.stdout)


def _members(document: typing.Any, group: str) -> set[str]:
    """Return the hosts of a group and of its children."""
    if group == 'all':
        # Hosts without a group are only here if they have variables.
        hosts = set(document['_meta']['hostvars'])
    elif group in document:
        hosts = set()
    else:
        raise exception.ConfigurationError(
            f'group {group} does not exist or is empty; the groups are '
            f'{", ".join(sorted(set(document) - {"_meta"}))}'
        )
    found = document.get(group, {})
    hosts.update(found.get('hosts', ()))
    for child in found.get('children', ()):
        if child in document:
            hosts |= _members(document, child)
    return hosts


def _device(
    host: str,
    variables: collections.abc.Mapping[str, object],
    source: str,
    addresses: collections.abc.Sequence[str],
) -> device.Device | str:
    """Return the device of a host, or the reason why it has none."""
    options = {
        name.removeprefix(PREFIX): _text(value)
        for name, value in variables.items()
        if name.startswith(PREFIX)
    }
    address = next(
        (str(variables[name]) for name in addresses if variables.get(name)),
        None,
    )
    if not options.keys() & set(PLACES):
        if address is None:
            return (
                f'none of the variables {", ".join(addresses)}, '
                f'{", ".join(PREFIX + place for place in PLACES)}'
            )
        options['host'] = address
    for name, value in options.items():
        if '{{' in value:
            return (
                f'{name} is a template, which {PROGRAM} does not evaluate; '
                'set the variable to its value'
            )
    return device.Device(host, options, source)


def _text(value: object) -> str:
    return ', '.join(map(str, value if isinstance(value, list) else [value]))
