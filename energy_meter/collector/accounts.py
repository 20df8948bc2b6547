# SPDX-License-Identifier: Apache-2.0

"""Loading and saving of whole probe accounts.

The collector uses it for measurements that the upsert cannot merge.
"""

import collections.abc
import typing

import sqlalchemy as sa

from energy_meter import exception
from energy_meter import measurement
from energy_meter.collector import merge
from energy_meter.db import schema

_Row = sa.Row[typing.Any]


def load(
    connection: sa.Connection,
    probes: collections.abc.Sequence[str],
    lock: bool = True,
) -> dict[str, merge.ProbeAccount]:
    """Load the accounts of probes.

    :param probes: ids in sorted order; writers that lock in the same order
        don't deadlock.
    :param lock: whether to lock the rows for an update.
    :returns: the existing accounts, by probe.
    """
    query = (
        sa.select(schema.probe)
        .where(schema.probe.c.id.in_(probes))
        .order_by(schema.probe.c.id)
    )
    rows = connection.execute(query.with_for_update() if lock else query)
    accounts = {row.id: _account(row) for row in rows}
    table = schema.register
    for row in connection.execute(
        sa.select(table).where(table.c.probe.in_(probes))
    ):
        if row.probe in accounts:
            accounts[row.probe].others[row.agent, row.register] = _register(
                row
            )
    table = schema.floor
    for row in connection.execute(
        sa.select(table).where(table.c.probe.in_(probes))
    ):
        if row.probe in accounts:
            accounts[row.probe].floors[row.agent] = row.incarnation
    return accounts


def load_one(connection: sa.Connection, probe: str) -> merge.ProbeAccount:
    """Load and lock the account of a probe.

    :raises ProbeNotFound: if the probe does not exist.
    """
    try:
        return load(connection, [probe])[probe]
    except KeyError:
        raise exception.ProbeNotFound(probe=probe)


def save(
    connection: sa.Connection,
    accounts: collections.abc.Mapping[str, merge.ProbeAccount],
) -> None:
    """Save accounts that :func:`load` has locked."""
    if not accounts:
        return
    table = schema.probe
    connection.execute(
        table.update()
        .where(table.c.id == sa.bindparam('key'))
        .values({name: sa.bindparam(name) for name in _PROBE_COLUMNS}),
        [_probe_values(probe, account) for probe, account in accounts.items()],
    )
    _save_registers(connection, accounts)


def _save_registers(
    connection: sa.Connection,
    accounts: collections.abc.Mapping[str, merge.ProbeAccount],
) -> None:
    table = schema.register
    connection.execute(table.delete().where(table.c.probe.in_(list(accounts))))
    rows = [
        _register_values(probe, register)
        for probe, account in accounts.items()
        for register in account.others.values()
    ]
    if rows:
        connection.execute(table.insert(), rows)


#: Value of ``owner_agent`` in the row of a probe without an owner.
NO_AGENT = ''


def _account(row: _Row) -> merge.ProbeAccount:
    account = merge.ProbeAccount(
        millijoules=row.millijoules,
        elapsed=row.elapsed,
        metered_seconds=row.metered_seconds,
        last_seen_at=row.last_seen_at,
    )
    key = measurement.RegisterKey(
        row.owner_agent, row.owner_register, row.owner_incarnation
    )
    account.latest = measurement.Measurement(
        measurement.Probe(
            row.id,
            row.scope,
            row.host,
            row.wattmeter,
            row.driver,
            row.agent_name,
        ),
        key,
        row.timestamp,
        row.owner_elapsed,
        row.owner_millijoules,
        row.owner_metered_seconds,
        row.watts,
        row.volts,
        row.amperes,
    )
    if row.owner_agent != NO_AGENT:
        account.owner = merge.RegisterState(
            key,
            row.owner_opened_at,
            row.last_seen_at,
            row.owner_elapsed,
            row.owner_metered_seconds,
            row.owner_millijoules,
            row.owner_overlap,
            billed_from=row.owner_billed_from,
        )
    return account


def _register(row: _Row) -> merge.RegisterState:
    return merge.RegisterState(
        measurement.RegisterKey(row.agent, row.register, row.incarnation),
        row.opened_at,
        row.last_seen_at,
        row.elapsed,
        row.metered_seconds,
        row.millijoules,
        row.overlap,
        row.pending,
        row.pending_mark,
        row.billed_from,
        row.voided,
    )


_NO_OWNER = merge.RegisterState(
    measurement.RegisterKey(NO_AGENT, NO_AGENT, 0), 0.0, 0.0, billed_from=0.0
)
_PROBE_COLUMNS = [
    column.name for column in schema.probe.columns if column.name != 'id'
]


def _probe_values(
    probe: str, account: merge.ProbeAccount
) -> dict[str, object]:
    owner, latest = account.owner or _NO_OWNER, account.latest
    if latest is None:
        raise ValueError('the account has no measurement')
    return {
        'key': probe,
        'wattmeter': latest.probe.wattmeter,
        'driver': latest.probe.driver,
        'scope': latest.probe.scope,
        'host': latest.probe.host,
        'agent_name': latest.probe.agent,
        'timestamp': latest.timestamp,
        'watts': latest.watts,
        'volts': latest.volts,
        'amperes': latest.amperes,
        'last_seen_at': account.last_seen_at,
        'millijoules': account.millijoules,
        'elapsed': account.elapsed,
        'metered_seconds': account.metered_seconds,
        'owner_agent': owner.key.agent,
        'owner_register': owner.key.id,
        'owner_incarnation': owner.key.incarnation,
        'owner_opened_at': owner.opened_at,
        'owner_billed_from': owner.billed_from,
        'owner_overlap': owner.overlap,
        'owner_millijoules': owner.millijoules,
        'owner_metered_seconds': owner.metered_seconds,
        'owner_elapsed': owner.elapsed,
    }


def _register_values(
    probe: str, register: merge.RegisterState
) -> dict[str, object]:
    return {
        'probe': probe,
        'agent': register.key.agent,
        'register': register.key.id,
        'incarnation': register.key.incarnation,
        'opened_at': register.opened_at,
        'elapsed': register.elapsed,
        'metered_seconds': register.metered_seconds,
        'millijoules': register.millijoules,
        'overlap': register.overlap,
        'pending': register.pending,
        'pending_mark': register.pending_mark,
        'billed_from': register.billed_from,
        'last_seen_at': register.last_seen_at,
        'voided': register.voided,
    }
