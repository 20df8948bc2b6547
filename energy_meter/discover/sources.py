# SPDX-License-Identifier: Apache-2.0

"""Sources that the command line selects, with their passwords."""

import collections.abc
import functools
import getpass
import os
import sys
import typing

from energy_meter.discover import finding
from energy_meter.discover import hosts
from energy_meter.discover import ipmi
from energy_meter.discover import modbus
from energy_meter.discover import mqtt
from energy_meter.discover import options
from energy_meter.discover import plugins
from energy_meter.discover import redfish
from energy_meter.discover import search
from energy_meter.discover import section_tester
from energy_meter.discover import serial
from energy_meter.discover import snmp
from energy_meter.discover import target

#: Default SNMP community, which is not a secret.
_PUBLIC = 'public'

Arguments = typing.Any


def from_arguments(arguments: Arguments) -> list[search.Source]:
    """Return the sources that the command line selects."""
    tester = section_tester.SectionTester(arguments.timeout)
    remote = [
        source
        for kind in _REMOTE
        for source in _remote_sources(arguments, kind, tester)
    ]
    is_local = arguments.local or not remote
    return (plugins.sources(tester) if is_local else []) + remote


def _remote_sources(
    arguments: Arguments,
    kind: str,
    tester: section_tester.SectionTester,
) -> collections.abc.Iterator[search.Source]:
    # The first of several names of a device counts.
    devices = {
        device.address: device for device in devices_of(arguments, kind)
    }
    if devices:
        discover = _REMOTE[kind](arguments, tester)
        for address, device in devices.items():
            yield search.Source(
                f'{kind} {address}',
                functools.partial(discover, device),
                address=address,
            )


def devices_of(arguments: Arguments, kind: str) -> list[hosts.Host]:
    """Return the devices of a kind that the command line names."""
    return [device for group in getattr(arguments, kind) for device in group]


def numerous(arguments: Arguments) -> set[str]:
    """Return the kinds of which the command line names several devices."""
    return {kind for kind in _REMOTE if len(devices_of(arguments, kind)) > 1}


#: Discovers a device.
Discover = collections.abc.Callable[
    [hosts.Host], collections.abc.Iterable[finding.Finding]
]


def _ipmi(
    arguments: Arguments, tester: section_tester.SectionTester
) -> Discover:
    user = arguments.ipmi_user or ''
    password = _password('ipmi', user)
    return lambda device: ipmi.discover(
        tester, target.Target.parse(*device), user, password
    )


def _snmp(
    arguments: Arguments, tester: section_tester.SectionTester
) -> Discover:
    user = arguments.snmp_user
    if not user:
        version = {'version': arguments.snmp_version}
        community = os.environ.get('ENERGY_METER_SNMP_COMMUNITY', _PUBLIC)
        access = (
            snmp.Access({**version, 'community': _PUBLIC})
            if community == _PUBLIC
            else snmp.Access(version, {'community': community})
        )
    else:
        secrets = {
            'auth_password': _password('snmp_auth', user),
            'priv_password': _password('snmp_priv', user),
        }
        access = snmp.Access(
            {
                'version': '3',
                'user': user,
                'auth_protocol': arguments.snmp_auth_protocol,
                'priv_protocol': arguments.snmp_priv_protocol,
            },
            secrets,
        )
    return lambda device: snmp.discover(
        tester, target.Target.parse(*device), access
    )


def _redfish(
    arguments: Arguments, tester: section_tester.SectionTester
) -> Discover:
    user = arguments.redfish_user
    options = {
        'username': user,
        'ca_file': arguments.ca_file,
        'verify': False if arguments.insecure else None,
    }
    secrets = {'password': _password('redfish', user)}
    return lambda device: redfish.discover(
        tester, {'url': _url(device), **options}, secrets, device.name
    )


def _url(device: hosts.Host) -> str:
    has_scheme = '://' in device.address
    return device.address if has_scheme else f'https://{device.address}'


def _modbus(
    arguments: Arguments, tester: section_tester.SectionTester
) -> Discover:
    return lambda device: modbus.discover(
        tester, target.Target.parse(*device), arguments.modbus_units
    )


def _mqtt(
    arguments: Arguments, _tester: section_tester.SectionTester
) -> Discover:
    user = arguments.mqtt_user
    options = {
        'username': user,
        'tls': arguments.mqtt_tls or None,
        'ca_file': arguments.ca_file if arguments.mqtt_tls else None,
    }
    secrets = {'password': _password('mqtt', user)}
    return lambda device: mqtt.discover(
        target.Target.parse(*device), options, secrets, arguments.listen
    )


def _serial(
    arguments: Arguments, tester: section_tester.SectionTester
) -> Discover:
    user = arguments.serial_user
    password = _password('serial', user)
    return lambda device: serial.discover(
        tester, device.address, user, password
    )


_REMOTE = {
    'ipmi': _ipmi,
    'snmp': _snmp,
    'redfish': _redfish,
    'modbus': _modbus,
    'mqtt': _mqtt,
    'serial': _serial,
}


def _password(kind: str, user: str | None) -> str:
    """Return a user's password from the environment or a prompt."""
    variable = f'ENERGY_METER_{kind.upper()}_PASSWORD'
    if not user:
        return ''
    if variable in os.environ:
        return os.environ[variable]
    if not sys.stdin.isatty():
        sys.exit(
            f'{options.PROG}: set {variable} to the password of user {user}, '
            'or to an empty value if the user has no password'
        )
    return getpass.getpass(f'{kind.replace("_", " ")} password of {user}: ')
