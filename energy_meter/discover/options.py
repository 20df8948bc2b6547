# SPDX-License-Identifier: Apache-2.0

"""Command line options of energy-meter-discover."""

import argparse
import importlib.metadata
import pathlib

from energy_meter.conf import completion
from energy_meter.discover import hosts
from energy_meter.drivers.snmp import engine

PROG = 'energy-meter-discover'

#: Each worker has a thread and sockets.
MAX_WORKERS = 256

_DESCRIPTION = (
    'Discover power meters on this machine or on the given hosts. Prints '
    'current readings, reasons for unusable sensors, and configuration '
    'sections. The exit status is 1 if no power meter is found.'
)
_EPILOG = (
    'Passwords are read from the environment variables '
    'ENERGY_METER_IPMI_PASSWORD, ENERGY_METER_SNMP_AUTH_PASSWORD, '
    'ENERGY_METER_SNMP_PRIV_PASSWORD, ENERGY_METER_REDFISH_PASSWORD, '
    'ENERGY_METER_MQTT_PASSWORD and ENERGY_METER_SERIAL_PASSWORD. If a '
    'variable is unset, the command prompts for the password. '
    'ENERGY_METER_SNMP_COMMUNITY defaults to public.'
)

#: Kinds of devices with users, and the help of the option.
_USERS = {
    'ipmi': 'user name for BMCs (IPMI)',
    'snmp': 'user name for SNMP version 3',
    'redfish': 'user name for management controllers (Redfish)',
    'mqtt': 'user name for MQTT brokers',
    'serial': 'user name for Eaton ePDUs; with this option, serial ports are '
    'only tested for Eaton ePDUs',
}


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    command = argparse.ArgumentParser(
        prog=PROG, description=_DESCRIPTION, epilog=_EPILOG
    )
    command.add_argument(
        '--version',
        action='version',
        version=importlib.metadata.version('energy-meter'),
    )
    completion.add_option(command)
    _add_device_options(
        command.add_argument_group(
            'devices',
            'Options with a value can be repeated. Without any of these '
            'options, the command searches this machine. HOSTS is '
            'HOST[:PORT], a network such as 192.0.2.0/24, a range such as '
            '192.0.2.101-140 or bmc-{01..40}, a URL for Redfish, or @FILE, a '
            'file with one of these and optionally a name on each line.',
        )
    )
    _add_access_options(command.add_argument_group('access'))
    output = command.add_argument_group('output')
    output.add_argument(
        '--output',
        metavar='FILE',
        type=pathlib.Path,
        help='write the configuration sections to this file, including '
        'passwords, instead of printing them without passwords. A file that '
        'this command generated is updated; sections of devices that do not '
        'respond stay',
    )
    output.add_argument(
        '--force',
        action='store_true',
        help='overwrite the output file, whatever it contains',
    )
    output.add_argument(
        '--dry-run',
        action='store_true',
        help='show how the output file would change, without secrets',
    )
    output.add_argument(
        '--json', action='store_true', help='print the findings as JSON'
    )
    return command


def _add_device_options(group: 'argparse._ArgumentGroup') -> None:
    group.add_argument(
        '--local',
        action='store_true',
        help='search this machine in addition to the other devices',
    )
    for kind, help_text in (
        ('ipmi', 'BMCs'),
        ('redfish', 'management controllers or PDUs (Redfish)'),
        ('snmp', 'PDUs or other SNMP devices'),
        ('modbus', 'Modbus TCP meters or gateways'),
    ):
        group.add_argument(
            f'--{kind}',
            metavar='HOSTS',
            nargs='+',
            action='extend',
            default=[],
            type=_hosts,
            help=help_text,
        )
    for kind, metavar, help_text in (
        ('mqtt', 'HOST[:PORT]', 'MQTT broker to listen to'),
        ('serial', 'PORT', 'serial port, tested for several kinds of meters'),
    ):
        group.add_argument(
            f'--{kind}',
            metavar=metavar,
            action='append',
            default=[],
            type=_host if kind == 'mqtt' else _port,
            help=help_text,
        )


def _add_access_options(group: 'argparse._ArgumentGroup') -> None:
    for kind, help_text in _USERS.items():
        group.add_argument(f'--{kind}-user', metavar='USER', help=help_text)
    _add_snmp_options(group)
    group.add_argument(
        '--modbus-units',
        metavar='UNIT',
        type=int,
        nargs='+',
        default=[1],
        help='Modbus unit IDs to test (default: 1)',
    )
    group.add_argument(
        '--mqtt-tls',
        action='store_true',
        help='use TLS for the connection to the MQTT broker',
    )
    group.add_argument(
        '--listen',
        metavar='SECONDS',
        type=float,
        default=60,
        help='time in seconds to listen to MQTT brokers (default: '
        '%(default)s)',
    )
    _add_connection_options(group)


def _add_connection_options(group: 'argparse._ArgumentGroup') -> None:
    group.add_argument(
        '--ca-file',
        metavar='FILE',
        help='CA certificates to trust for Redfish and MQTT',
    )
    group.add_argument(
        '--insecure',
        action='store_true',
        help='do not verify TLS certificates of Redfish services',
    )
    group.add_argument(
        '--timeout',
        metavar='SECONDS',
        type=float,
        default=20,
        help='maximum time in seconds to read one wattmeter (default: '
        '%(default)s)',
    )
    group.add_argument(
        '--workers',
        metavar='NUMBER',
        type=_workers,
        default=64,
        help='maximum number of devices that are searched at the same time '
        '(default: %(default)s)',
    )


def _add_snmp_options(group: 'argparse._ArgumentGroup') -> None:
    group.add_argument(
        '--snmp-version',
        choices=('1', '2c'),
        default='2c',
        help='SNMP version if --snmp-user is not set (default: %(default)s)',
    )
    group.add_argument(
        '--snmp-auth-protocol',
        default='sha',
        choices=tuple(engine.AUTH_PROTOCOLS),
        help='authentication protocol for SNMP version 3 (default: '
        '%(default)s)',
    )
    group.add_argument(
        '--snmp-priv-protocol',
        default='aes',
        choices=tuple(engine.PRIV_PROTOCOLS),
        help='privacy protocol for SNMP version 3 (default: %(default)s)',
    )


def _hosts(text: str) -> list[hosts.Host]:
    try:
        return hosts.expand(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _host(text: str) -> list[hosts.Host]:
    found = _hosts(text)
    if len(found) != 1:
        raise argparse.ArgumentTypeError(f'{text}: expected one address')
    return found


def _port(text: str) -> list[hosts.Host]:
    return [hosts.Host(text)]


def _workers(text: str) -> int:
    workers = int(text)
    if not 0 < workers <= MAX_WORKERS:
        raise argparse.ArgumentTypeError(f'expected 1 to {MAX_WORKERS}')
    return workers
