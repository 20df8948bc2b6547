# SPDX-License-Identifier: Apache-2.0

"""Rows of probes, for tests of code that reads them."""

import time
import typing

import sqlalchemy as sa

from energy_meter import measurement
from energy_meter.db import numbers
from energy_meter.db import schema

AGENT = '6a0d3aa8-7f4f-4a93-9f0c-3f3e4f6d7c11'
REGISTER_ID = '0123456789abcdef'

#: A probe that is settled, with its only register as the tip.
PROBE = {
    'base_millijoules': 0,
    'base_metered': 0,
    'base_elapsed': 0,
    'overlap_millijoules': 0,
    'overlap_metered': 0,
    'overlap_elapsed': 0,
    'shown': 0,
    'contested': False,
    'plural': False,
    'displayed': None,
    'settled_at': 1_700_000_000_000,
    'alarms': '',
    'quantity': schema.Quantity.ENERGY,
}
REGISTER = {
    'agent': AGENT,
    'register': REGISTER_ID,
    'first_elapsed': 0,
    'first_timestamp': 1_699_999_000_500,
    'synced': True,
    'lag0': 1_699_999_000_500,
    'lag1': 1_699_999_000_500,
    'lag2': 1_699_999_000_500,
    'lag3': 1_699_999_000_500,
    'lag4': 1_699_999_000_500,
    'elapsed': 1_000_000,
    'millijoules': 4_500_000_000,
    'metered': 999_000,
    'wattmeter': 'rack1-bmc41',
    'driver': 'ipmi',
    'scope': 'node',
    'host': 'node-41',
    'agent_name': 'agent',
    'live_elapsed': 1_000_000,
    'timestamp': 1_700_000_000_500,
    'watts': 173.0,
    'role': schema.Role.SOLE,
    'dirty': schema.Dirty.CLEAN,
    'settled_until': 1_000_000,
    'base_elapsed': 0,
    'base_millijoules': 0,
    'base_metered': 0,
    'voided': False,
}

#: Representation of this probe in the API.
SHOWN = {
    'timestamp': 1700000000.5,
    'kwh': 1.25,
    'w': 173.0,
    'scope': 'node',
    'host': 'node-41',
    'wattmeter': 'rack1-bmc41',
    'coverage': 0.999,
    'project_id': None,
    'alarms': [],
}


def now() -> int:
    """Return the time in ms since the epoch."""
    return int(time.time() * 1000)


def insert(engine: sa.Engine, *probes: str, **fields: typing.Any) -> None:
    """Insert probes that have just been updated, each with one register.

    :param fields: columns of the register that differ from :data:`REGISTER`.
    """
    with engine.begin() as connection:
        for probe in probes:
            number = insert_register(connection, probe, **fields)
            insert_probe(connection, probe, tip=number)


def insert_probe(
    connection: sa.Connection, probe: str, **fields: typing.Any
) -> None:
    """Insert a probe without its registers.

    :param fields: columns that differ from :data:`PROBE`.
    """
    connection.execute(
        schema.probe.insert().values({'id': probe} | PROBE | fields)
    )


def insert_register(
    connection: sa.Connection, probe: str, **fields: typing.Any
) -> int:
    """Insert a register of a probe.

    :param fields: columns that differ from :data:`REGISTER`.
    :returns: its number.
    """
    row = REGISTER | {'probe': probe, 'last_seen_at': now()} | fields
    key = measurement.RegisterKey(row['agent'], row['register'])
    row['number'] = numbers.number(probe, key)
    connection.execute(schema.register.insert().values(row))
    return row['number']
