# SPDX-License-Identifier: Apache-2.0


"""Options of the driver, and what they say together."""

import typing

from oslo_config import cfg

from energy_meter import exception
from energy_meter.drivers.snmp import engine
from energy_meter.drivers.snmp import fields
from energy_meter.drivers.snmp import profile

#: The profile whose columns are options.
CUSTOM = 'custom'

#: Shortest password that makes a key (RFC 3414, section 11.2).
MIN_PASSWORD = 8

OPTS = (
    cfg.HostAddressOpt(
        'host', required=True, help='Name or IP address of the device.'
    ),
    cfg.PortOpt('port', default=161, help='Its UDP port.'),
    cfg.StrOpt(
        'profile',
        required=True,
        help='Family of the device: the name of a profile that comes '
        'with the driver or is in profile_path; or custom for '
        'the columns that watts_oid and energy_oid name.',
    ),
    cfg.StrOpt(
        'profile_path',
        default='/etc/energy_meter/snmp.d',
        help='Directory of further profiles. They take the place of '
        'others of the same name.',
    ),
    cfg.StrOpt(
        'table',
        help='Which table of the profile to read, as a rule outlets '
        'or inlets. The default is its first.',
    ),
    cfg.ListOpt(
        'outlets',
        help='The outlets of the probes, each by the index or the '
        'name that the device has for it. By default they are '
        'the outlets in the order of their indexes.',
    ),
    cfg.StrOpt(
        'version',
        default='2c',
        choices=tuple(engine.MODELS),
        help='Version of the protocol.',
    ),
    cfg.StrOpt(
        'community',
        default='public',
        secret=True,
        help='Community, of versions 1 and 2c.',
    ),
    cfg.StrOpt('user', help='Name of the user, of version 3.'),
    cfg.StrOpt(
        'auth_protocol',
        default='sha',
        choices=tuple(engine.AUTH_PROTOCOLS),
        help='Digest of the messages, of version 3.',
    ),
    cfg.StrOpt(
        'auth_password',
        secret=True,
        help='Password of the digest, at least 8 characters. Without '
        'it messages are neither authenticated nor encrypted.',
    ),
    cfg.StrOpt(
        'priv_protocol',
        default='aes',
        choices=tuple(engine.PRIV_PROTOCOLS),
        help='Cipher of the messages, of version 3.',
    ),
    cfg.StrOpt(
        'priv_password',
        secret=True,
        help='Password of the cipher, at least 8 characters. Without '
        'it messages are not encrypted.',
    ),
    cfg.StrOpt(
        'context', default='', help='Name of the context, of version 3.'
    ),
    cfg.FloatOpt(
        'timeout',
        default=1.0,
        min=0.1,
        max=30.0,
        help='How long to wait for an answer, in seconds.',
    ),
    cfg.IntOpt(
        'retries',
        default=2,
        min=0,
        max=10,
        help='How often to ask again when no answer came.',
    ),
    cfg.StrOpt(
        'watts_oid', help='Column with the power, of profile = custom.'
    ),
    cfg.StrOpt(
        'watts_unit',
        default='W',
        help='What the number one means there: W or kW, after a '
        'factor if need be, as in 0.01 kW.',
    ),
    cfg.StrOpt(
        'energy_oid',
        help='Column with the energy counter, of profile = custom.',
    ),
    cfg.StrOpt(
        'energy_unit',
        default='Wh',
        help='What the number one means there: J, kJ, Wh or kWh, '
        'after a factor if need be, as in 0.1 kWh.',
    ),
    cfg.IntOpt(
        'energy_step',
        default=1,
        min=1,
        help='By how much the energy counter moves at once.',
    ),
    cfg.IntOpt(
        'energy_size',
        min=2,
        help='Number at which the energy counter begins anew, if it '
        'does: 4294967296 for one of 32 bits.',
    ),
    cfg.StrOpt(
        'name_oid', help="Column with the outlets' names, of profile = custom."
    ),
)


def credentials(options: typing.Any) -> engine.Credentials:
    """Give the credentials that the options name.

    :raises DriverError: some are missing or can't be.
    """
    if options.version != '3':
        return engine.Credentials(options.version, options.community)
    if not options.user:
        raise exception.DriverError(reason='version 3 needs user')
    if options.priv_password and not options.auth_password:
        raise exception.DriverError(
            reason='priv_password needs auth_password: nothing is encrypted '
            'without being authenticated'
        )
    for name in ('auth_password', 'priv_password'):
        if 0 < len(getattr(options, name) or '') < MIN_PASSWORD:
            raise exception.DriverError(
                reason=f'{name} has less than {MIN_PASSWORD} characters'
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
    """Give the table that the options name.

    :raises DriverError: there is none, or it can't be understood.
    """
    if options.profile == CUSTOM:
        return profile.parse_table(
            fields.Fields(f'profile = {CUSTOM}', (), _columns(options))
        )
    tables = profile.load(options.profile, options.profile_path).tables
    name = options.table or next(iter(tables))
    if name not in tables:
        raise exception.DriverError(
            reason=f'profile {options.profile} has no table {name!r}; it '
            f'has: {", ".join(tables)}'
        )
    return tables[name]


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
        if options.energy_size:
            columns['energy']['size'] = options.energy_size
    return columns
