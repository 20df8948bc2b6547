# SPDX-License-Identifier: Apache-2.0

"""Sources that the command line selects, with their passwords."""

import collections.abc
import functools
import getpass
import os
import sys
import typing

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
    addresses = dict.fromkeys(getattr(arguments, kind))
    if addresses:
        discover = _REMOTE[kind](arguments, tester)
        for address in addresses:
            yield search.Source(
                f'{kind} {address}', functools.partial(discover, address)
            )


#: Discovers the device with an address.
Discover = collections.abc.Callable[..., collections.abc.Iterable[typing.Any]]


def _ipmi(
    arguments: Arguments, tester: section_tester.SectionTester
) -> Discover:
    user = arguments.ipmi_user or ''
    password = _password('ipmi', user)
    return lambda address: ipmi.discover(tester, address, user, password)


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
    return lambda address: snmp.discover(tester, address, access)


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
    return lambda url: redfish.discover(
        tester, {'url': url, **options}, secrets
    )


def _modbus(
    arguments: Arguments, tester: section_tester.SectionTester
) -> Discover:
    return lambda address: modbus.discover(
        tester, address, arguments.modbus_units
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
    return lambda address: mqtt.discover(
        address, options, secrets, arguments.listen
    )


def _serial(
    arguments: Arguments, tester: section_tester.SectionTester
) -> Discover:
    user = arguments.serial_user
    password = _password('serial', user)
    return lambda port: serial.discover(tester, port, user, password)


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
