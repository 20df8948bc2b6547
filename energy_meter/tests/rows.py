# SPDX-License-Identifier: Apache-2.0

"""Rows of probes, for tests of code that reads them."""

import time
import typing

import sqlalchemy as sa

from energy_meter.db import schema

PROBE = {
    'wattmeter': 'rack1-bmc41',
    'driver': 'ipmi',
    'scope': 'node',
    'host': 'node-41',
    'agent_name': 'agent',
    'timestamp': 1700000000.5,
    'watts': 173.0,
    'millijoules': 4_500_000_000,
    'elapsed': 1000.0,
    'metered_seconds': 999.0,
    'owner_agent': '',
    'owner_register': '',
    'owner_incarnation': 1,
    'owner_opened_at': 1.0,
    'owner_billed_from': 1.0,
    'owner_overlap': 0,
    'owner_millijoules': 4_500_000_000,
    'owner_metered_seconds': 999.0,
    'owner_elapsed': 1000.0,
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
}


def insert(engine: sa.Engine, *probes: str, **fields: typing.Any) -> None:
    """Insert probes that have just been updated.

    :param fields: columns that differ from :data:`PROBE`.
    """
    row = PROBE | {'last_seen_at': time.time()} | fields
    with engine.begin() as connection:
        connection.execute(
            schema.probe.insert(), [row | {'id': probe} for probe in probes]
        )
