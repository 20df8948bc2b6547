# SPDX-License-Identifier: Apache-2.0

"""Options of the SNMP driver, and the objects built from them."""

import typing

from oslo_config import cfg

from energy_meter import exception
from energy_meter.drivers.snmp import engine
from energy_meter.drivers.snmp import fields
from energy_meter.drivers.snmp import profile

#: Name of the profile whose columns are defined by options.
CUSTOM = 'custom'

#: Minimum length of a password (RFC 3414, section 11.2).
MIN_PASSWORD_LENGTH = 8

OPTS = (
    cfg.HostAddressOpt(
        'host', required=True, help='Host name or IP address of the device.'
    ),
    cfg.PortOpt('port', default=161, help='UDP port of the device.'),
    cfg.StrOpt(
        'profile',
        required=True,
        help='Profile of the device family: the name of a profile in the '
        'package or in profile_path. The name custom stands for the columns '
        'in watts_oid and energy_oid.',
    ),
    cfg.StrOpt(
        'profile_path',
        default='/etc/energy_meter/snmp.d',
        help='Directory with additional profiles. A profile in this '
        'directory takes precedence over one in the package with the same '
        'name.',
    ),
    cfg.StrOpt(
        'table',
        help='Table of the profile to read, usually outlets or inlets. The '
        'default is the first table.',
    ),
    cfg.ListOpt(
        'channels',
        help='Rows of the table to read, one for each probe, in the order of '
        "probes: the device's index or name of each outlet or inlet. The "
        'default is all rows in the order of their indexes.',
    ),
    cfg.StrOpt(
        'version',
        default='2c',
        choices=tuple(engine.MODELS),
        help='SNMP version.',
    ),
    cfg.StrOpt(
        'community',
        default='public',
        secret=True,
        help='Community for versions 1 and 2c.',
    ),
    cfg.StrOpt('user', help='User name for version 3.'),
    cfg.StrOpt(
        'auth_protocol',
        default='sha',
        choices=tuple(engine.AUTH_PROTOCOLS),
        help='Authentication protocol for version 3.',
    ),
    cfg.StrOpt(
        'auth_password',
        secret=True,
        help='Authentication password for version 3, at least 8 characters. '
        'If unset, messages are neither authenticated nor encrypted.',
    ),
    cfg.StrOpt(
        'priv_protocol',
        default='aes',
        choices=tuple(engine.PRIV_PROTOCOLS),
        help='Privacy (encryption) protocol for version 3.',
    ),
    cfg.StrOpt(
        'priv_password',
        secret=True,
        help='Privacy password for version 3, at least 8 characters. If '
        'unset, messages are not encrypted.',
    ),
    cfg.StrOpt('context', default='', help='Context name for version 3.'),
    cfg.FloatOpt(
        'timeout',
        default=1.0,
        min=0.1,
        max=30.0,
        help='Maximum time in seconds to wait for a response.',
    ),
    cfg.IntOpt(
        'retries',
        default=2,
        min=0,
        max=10,
        help='Maximum number of retransmissions of a request.',
    ),
    cfg.StrOpt(
        'engine',
        default='pysnmp',
        choices=[
            ('pysnmp', 'The SNMP library pysnmp.'),
            (
                'native',
                'Own encoding of messages, with a twentieth of the CPU time.',
            ),
        ],
        help='Program code that sends requests and decodes responses.',
    ),
    cfg.StrOpt(
        'watts_oid', help='Column with the power, for profile = custom.'
    ),
    cfg.StrOpt(
        'watts_unit',
        default='W',
        help='Unit of watts_oid: W or kW, optionally with a factor as in '
        '0.01 kW.',
    ),
    cfg.StrOpt(
        'energy_oid',
        help='Column with the energy counter, for profile = custom.',
    ),
    cfg.StrOpt(
        'energy_unit',
        default='Wh',
        help='Unit of energy_oid: J, kJ, Wh or kWh, optionally with a factor '
        'as in 0.1 kWh.',
    ),
    cfg.IntOpt(
        'energy_step',
        default=1,
        min=1,
        help='Smallest increment of the energy counter.',
    ),
    cfg.IntOpt(
        'energy_rollover',
        min=2,
        help='Value at which the energy counter restarts from 0: 4294967296 '
        'for a 32-bit counter. If unset, the counter does not roll over.',
    ),
    cfg.StrOpt(
        'name_oid', help='Column with the names, for profile = custom.'
    ),
)


def credentials(options: typing.Any) -> engine.Credentials:
    """Return the credentials in the options.

    :raises DriverError: if a credential is missing or invalid.
    """
    if options.version != '3':
        return engine.Credentials(options.version, options.community)
    if not options.user:
        raise exception.DriverError(reason='version 3 requires user')
    if options.priv_password and not options.auth_password:
        raise exception.DriverError(
            reason='priv_password requires auth_password: SNMP has no '
            'encryption without authentication'
        )
    for name in ('auth_password', 'priv_password'):
        if 0 < len(getattr(options, name) or '') < MIN_PASSWORD_LENGTH:
            raise exception.DriverError(
                reason=f'{name} has fewer than {MIN_PASSWORD_LENGTH} '
                'characters'
            )
    return engine.Credentials(
        '3',
        '',
        options.user,
        options.auth_protocol,
        options.auth_password or '',
        options.priv_protocol,
        options.priv_password or '',
    )


def table(options: typing.Any) -> profile.Table:
    """Return the table selected by the options.

    :raises InvalidOption: if the table does not exist or is invalid.
    """
    if options.profile == CUSTOM:
        if not (options.watts_oid or options.energy_oid):
            raise exception.InvalidOption(
                option='profile',
                reason=f'{CUSTOM} requires watts_oid, energy_oid or both',
            )
        return profile.parse_table(_Columns('', (), _columns(options)))
    tables = profile.load(options.profile, options.profile_path).tables
    name = options.table or next(iter(tables))
    if name not in tables:
        raise exception.InvalidOption(
            option='table',
            reason=f'profile {options.profile} has no table {name!r}; it '
            f'has: {", ".join(tables)}',
        )
    return tables[name]


class _Columns(fields.Fields):
    """Columns in options: ``watts_oid`` is the field ``watts.oid``."""

    def error(self, name: str, reason: str) -> exception.DriverError:
        return exception.InvalidOption(
            option='_'.join((*self._path, name)), reason=reason
        )


def _columns(options: typing.Any) -> dict[str, object]:
    columns: dict[str, typing.Any] = {'scope': 'outlet'}
    if options.name_oid:
        columns['name'] = {'oid': options.name_oid}
    if options.watts_oid:
        columns['watts'] = {
            'oid': options.watts_oid,
            'unit': options.watts_unit,
        }
    if options.energy_oid:
        columns['energy'] = {
            'oid': options.energy_oid,
            'unit': options.energy_unit,
            'step': options.energy_step,
        }
        if options.energy_rollover:
            columns['energy']['rollover'] = options.energy_rollover
    return columns
