# SPDX-License-Identifier: Apache-2.0

"""energy-meter-discover: what can be metered, and if not, why not."""

import argparse
import collections.abc
import functools
import getpass
import importlib.metadata
import logging
import os
import pathlib
import signal
import sys
import tempfile
import typing

from energy_meter.discover import battery
from energy_meter.discover import bmc
from energy_meter.discover import hwmon
from energy_meter.discover import ipmi
from energy_meter.discover import modbus
from energy_meter.discover import mqtt
from energy_meter.discover import rapl
from energy_meter.discover import redfish
from energy_meter.discover import report
from energy_meter.discover import search
from energy_meter.discover import serial
from energy_meter.discover import snmp
from energy_meter.discover import target
from energy_meter.discover import trial as trials
from energy_meter.drivers.snmp import engine

_PROG = 'energy-meter-discover'
_DESCRIPTION = (
    'Find what can be metered: on this machine, or in the places that options '
    'name. Shows what each shows now, why others show nothing, and sections '
    "for the agent's configuration. Exits with 1 if nothing can be metered."
)
_EPILOG = (
    'Passwords come from the environment, ENERGY_METER_IPMI_PASSWORD and '
    'likewise _SNMP_AUTH_, _SNMP_PRIV_, _REDFISH_, _MQTT_ and '
    '_SERIAL_PASSWORD, or are asked for. ENERGY_METER_SNMP_COMMUNITY is '
    'public by default.'
)

#: Kinds of places, and how the user of each is meant.
_USERS = {
    'ipmi': 'user of the BMCs',
    'snmp': 'user of SNMP version 3',
    'redfish': 'user of the controllers',
    'mqtt': 'user of the brokers',
    'serial': 'user of an Eaton ePDU, which is the only kind then asked',
}

#: A community that is no secret.
_PUBLIC = 'public'

Arguments = typing.Any


def main() -> None:
    # The findings say what went wrong.
    logging.disable()
    parser = _parser()
    arguments = parser.parse_args()
    if (
        arguments.output
        and not arguments.force
        and os.path.lexists(arguments.output)
    ):
        parser.error(f'{arguments.output} exists; --force overwrites it')
    places = _places(arguments)
    try:
        findings = search.search(
            places, functools.partial(_progress, len(places))
        )
    except KeyboardInterrupt:
        os._exit(128 + signal.SIGINT)
    print(
        report.as_json(findings)
        if arguments.json
        else _text(findings, arguments.output is None)
    )
    metered = any(found.section for found in findings)
    if arguments.output and metered:
        _write(pathlib.Path(arguments.output), findings)
    # A driver that hangs must not keep the process.
    sys.stdout.flush()
    os._exit(0 if metered else 1)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=_PROG, description=_DESCRIPTION, epilog=_EPILOG
    )
    parser.add_argument(
        '--version',
        action='version',
        version=importlib.metadata.version('energy-meter'),
    )
    _add_places(
        parser.add_argument_group(
            'places',
            'Each may be given several times. Without any, this machine '
            'is looked at.',
        )
    )
    _add_ways(parser.add_argument_group('ways to ask'))
    output = parser.add_argument_group('output')
    output.add_argument(
        '--output',
        metavar='FILE',
        help='write the sections to this file, with the '
        'passwords, rather than show them without',
    )
    output.add_argument(
        '--force', action='store_true', help='overwrite that file'
    )
    output.add_argument('--json', action='store_true', help='print JSON')
    return parser


def _add_places(group: 'argparse._ArgumentGroup') -> None:
    group.add_argument(
        '--local', action='store_true', help='look at this machine, too'
    )
    for kind, what in (
        ('ipmi', 'a BMC'),
        ('snmp', 'a PDU or the like'),
        ('modbus', 'a Modbus TCP meter or gateway'),
        ('mqtt', 'a broker, to be listened to'),
    ):
        group.add_argument(
            f'--{kind}',
            metavar='HOST[:PORT]',
            action='append',
            default=[],
            type=_target,
            help=what,
        )
    group.add_argument(
        '--redfish',
        metavar='URL',
        action='append',
        default=[],
        help='a management controller',
    )
    group.add_argument(
        '--serial',
        metavar='PORT',
        action='append',
        default=[],
        help='a serial port; wattmeters of several kinds are asked through it',
    )


def _add_ways(group: 'argparse._ArgumentGroup') -> None:
    for kind, what in _USERS.items():
        group.add_argument(f'--{kind}-user', metavar='USER', help=what)
    group.add_argument(
        '--snmp-version',
        choices=('1', '2c'),
        default='2c',
        help='where there is no user (default: %(default)s)',
    )
    group.add_argument(
        '--snmp-auth-protocol',
        default='sha',
        choices=tuple(engine.AUTH_PROTOCOLS),
    )
    group.add_argument(
        '--snmp-priv-protocol',
        default='aes',
        choices=tuple(engine.PRIV_PROTOCOLS),
    )
    group.add_argument(
        '--modbus-units',
        metavar='UNIT',
        type=int,
        nargs='+',
        default=[1],
        help='unit ids to ask (default: 1)',
    )
    group.add_argument(
        '--mqtt-tls',
        action='store_true',
        help='encrypt the connection to the broker',
    )
    group.add_argument(
        '--listen',
        metavar='SECONDS',
        type=float,
        default=60,
        help='how long to listen to brokers (default: %(default)s)',
    )
    group.add_argument(
        '--ca-file',
        metavar='FILE',
        help='certificates of authorities to trust, for Redfish and MQTT',
    )
    group.add_argument(
        '--insecure',
        action='store_true',
        help='do not verify the certificates of Redfish',
    )
    group.add_argument(
        '--timeout',
        metavar='SECONDS',
        type=float,
        default=20,
        help='for reading one wattmeter (default: %(default)s)',
    )


def _target(text: str) -> target.Target:
    try:
        return target.Target.parse(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f'{text}: expected HOST or HOST:PORT'
        ) from None


def _places(arguments: Arguments) -> list[search.Place]:
    trial = trials.Trial(arguments.timeout)
    remote = [
        place
        for kind in _REMOTE
        for place in _distinct(arguments, kind, trial)
    ]
    local = [
        search.Place(what, look)
        for what, look in (
            ('hwmon', functools.partial(hwmon.look, trial)),
            ('RAPL', functools.partial(rapl.look, trial)),
            ('batteries', functools.partial(battery.look, trial)),
            ('BMC', bmc.look),
            ('serial ports', serial.ports),
        )
    ]
    return (local if arguments.local or not remote else []) + remote


def _distinct(
    arguments: Arguments,
    kind: str,
    trial: trials.Trial,
) -> collections.abc.Iterator[search.Place]:
    places = dict.fromkeys(getattr(arguments, kind))
    if places:
        look = _REMOTE[kind](arguments, trial)
        for place in places:
            yield search.Place(
                f'{kind} {place}', functools.partial(look, place)
            )


Look = collections.abc.Callable[..., collections.abc.Iterable[typing.Any]]


def _ipmi(arguments: Arguments, trial: trials.Trial) -> Look:
    user = arguments.ipmi_user or ''
    password = _password('ipmi', user)
    return lambda place: ipmi.look(trial, place, user, password)


def _snmp(arguments: Arguments, trial: trials.Trial) -> Look:
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
    return lambda place: snmp.look(trial, place, access)


def _redfish(arguments: Arguments, trial: trials.Trial) -> Look:
    user = arguments.redfish_user
    options = {
        'username': user,
        'ca_file': arguments.ca_file,
        'verify': False if arguments.insecure else None,
    }
    secrets = {'password': _password('redfish', user)}
    return lambda url: redfish.look(trial, {'url': url, **options}, secrets)


def _modbus(arguments: Arguments, trial: trials.Trial) -> Look:
    return lambda place: modbus.look(trial, place, arguments.modbus_units)


def _mqtt(arguments: Arguments, _trial: trials.Trial) -> Look:
    user = arguments.mqtt_user
    options = {
        'username': user,
        'tls': arguments.mqtt_tls or None,
        'ca_file': arguments.ca_file if arguments.mqtt_tls else None,
    }
    secrets = {'password': _password('mqtt', user)}
    return lambda place: mqtt.look(place, options, secrets, arguments.listen)


def _serial(arguments: Arguments, trial: trials.Trial) -> Look:
    user = arguments.serial_user
    password = _password('serial', user)
    return lambda port: serial.look(trial, port, user, password)


_REMOTE = {
    'ipmi': _ipmi,
    'snmp': _snmp,
    'redfish': _redfish,
    'modbus': _modbus,
    'mqtt': _mqtt,
    'serial': _serial,
}


def _password(kind: str, user: str | None) -> str:
    """Take the password of a user from the environment, or ask for it."""
    variable = f'ENERGY_METER_{kind.upper()}_PASSWORD'
    if not user:
        return ''
    if variable in os.environ:
        return os.environ[variable]
    if not sys.stdin.isatty():
        sys.exit(
            f'{_PROG}: set {variable}, the password of user {user}; '
            'empty if there is none'
        )
    return getpass.getpass(f'{kind.replace("_", " ")} password of {user}: ')


def _progress(total: int, done: int, what: str) -> None:
    if sys.stderr.isatty():
        print(
            f'\r\033[K{done} of {total} done: {what}',
            end='',
            file=sys.stderr,
            flush=True,
        )


def _text(findings: report.Findings, with_sections: bool) -> str:
    if sys.stderr.isatty():
        print('\r\033[K', end='', file=sys.stderr)
    metered = any(found.section for found in findings)
    parts = [
        report.table(findings)
        if metered
        else 'Nothing was found that can be metered.'
    ]
    if obstacles := report.obstacles(findings):
        parts.append(f'What can not be metered, and why:\n\n{obstacles}')
    if metered and with_sections:
        parts.append(report.sections(findings, secrets=False))
    return '\n\n'.join(parts)


def _write(path: pathlib.Path, findings: report.Findings) -> None:
    """Write the sections to a file that only its owner can read."""
    try:
        with tempfile.NamedTemporaryFile(
            'w', dir=path.parent, delete=False
        ) as stream:
            stream.write(report.sections(findings, secrets=True))
        os.replace(stream.name, path)
    except OSError as error:
        sys.exit(f'{_PROG}: {path}: {error.strerror}')
    print(f'The sections are in {path}', file=sys.stderr)
