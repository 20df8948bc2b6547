# SPDX-License-Identifier: Apache-2.0

"""Command line options of energy-meter-discover."""

import argparse
import importlib.metadata

from energy_meter.conf import completion
from energy_meter.discover import target
from energy_meter.drivers.snmp import engine

PROG = 'energy-meter-discover'
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
            'options, the command searches this machine.',
        )
    )
    _add_access_options(command.add_argument_group('access'))
    output = command.add_argument_group('output')
    output.add_argument(
        '--output',
        metavar='FILE',
        help='write the configuration sections to this file, including '
        'passwords, instead of printing them without passwords',
    )
    output.add_argument(
        '--force', action='store_true', help='overwrite the output file'
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
        ('ipmi', 'BMC'),
        ('snmp', 'PDU or other SNMP device'),
        ('modbus', 'Modbus TCP meter or gateway'),
        ('mqtt', 'MQTT broker to listen to'),
    ):
        group.add_argument(
            f'--{kind}',
            metavar='HOST[:PORT]',
            action='append',
            default=[],
            type=_target,
            help=help_text,
        )
    group.add_argument(
        '--redfish',
        metavar='URL',
        action='append',
        default=[],
        help='management controller or PDU (Redfish)',
    )
    group.add_argument(
        '--serial',
        metavar='PORT',
        action='append',
        default=[],
        help='serial port, which is tested for several kinds of wattmeters',
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


def _target(text: str) -> target.Target:
    try:
        return target.Target.parse(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f'{text}: expected HOST or HOST:PORT'
        ) from None
