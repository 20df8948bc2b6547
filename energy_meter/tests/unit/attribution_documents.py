# SPDX-License-Identifier: Apache-2.0

"""Documents with attributed energy, as the API returns them."""

import datetime
import typing

from energy_meter.tests.unit import energy_documents

Document = dict[str, typing.Any]

METHODS = [{'name': 'reserved-and-cpu', 'version': 1}]
USES = ('instances', 'overhead', 'unallocated', 'unattributed')


def row(
    start: datetime.datetime,
    end: datetime.datetime,
    millijoules: int,
    **fields: typing.Any,
) -> Document:
    """Return a closed row, with fields that differ."""
    found = energy_documents.interval(
        start, end, millijoules, **{'quality': 'attributed', **fields}
    )
    del found['clock']
    return found


def host_row(
    start: datetime.datetime,
    end: datetime.datetime,
    *uses: int,
    idle: int = 0,
    devices: int = 0,
    **fields: typing.Any,
) -> Document:
    """Return a closed row of a host.

    :param uses: energy of :data:`USES`, in mJ.
    """
    total = sum(uses)
    amounts = dict(zip(USES, uses, strict=True))
    amounts |= {
        'idle': idle,
        'dynamic': total - idle - devices - uses[-1],
        'devices': devices,
    }
    return {
        **row(start, end, total, **fields),
        'clock': [],
        **{name: _amount(value) for name, value in amounts.items()},
    }


def instance(uuid: str, total: Document, **fields: typing.Any) -> Document:
    """Return an instance of a list, as its project sees it."""
    return {
        'instance_id': uuid,
        'name': f'name-{uuid}',
        'project_id': 'p',
        'project_name': 'web',
        'user_id': 'u',
        'host_ids': ['h1'],
        'scopes': ['node'],
        'total': total,
        **fields,
    }


def project(name: str, total: Document, **fields: typing.Any) -> Document:
    """Return a project of a list."""
    return {
        'project_id': name,
        'project_name': f'name-{name}',
        'instances': 2,
        'scopes': ['node'],
        'total': total,
        **fields,
    }


def listing(
    name: str, members: list[Document], **fields: typing.Any
) -> Document:
    """Return the response with many instances or projects."""
    totals = [member['total'] for member in members]
    return {
        **_head(totals),
        name: members,
        'total': total(totals, end=totals[0]['end']),
        **fields,
    }


def document(
    member: Document, rows: list[Document], **fields: typing.Any
) -> Document:
    """Return the response with the rows of an instance or a project."""
    return {
        **member,
        **_head(rows),
        'total': total(rows),
        'intervals': rows,
        **fields,
    }


def host(
    name: str,
    rows: list[Document],
    instances: list[Document],
    **fields: typing.Any,
) -> Document:
    """Return the response with the rows of a host."""
    summed = {
        use: _amount(sum(int(each[use]['millijoules']) for each in rows))
        for use in (*USES, 'idle', 'dynamic', 'devices')
    }
    return {
        'host': name,
        'scopes': ['node'],
        'threads': 64,
        'memory': 515_000,
        'idle_power': [
            {
                'since': rows[0]['start'],
                'watts': 120.0,
                'source': 'configured',
            }
        ],
        **_head(rows),
        'total': total(rows, **summed),
        'intervals': rows,
        'instances': instances,
        **fields,
    }


def host_instance(
    uuid: str, rows: list[Document], **fields: typing.Any
) -> Document:
    """Return an instance on a host."""
    return {
        'instance_id': uuid,
        'name': f'name-{uuid}',
        'project_id': 'p',
        'project_name': 'web',
        'user_id': 'u',
        'total': total(rows),
        'millijoules': [each['millijoules'] for each in rows],
        **fields,
    }


def total(rows: list[Document], **fields: typing.Any) -> Document:
    """Return the sum of rows, with fields that differ."""
    return {**energy_documents.total(rows), **fields}


def _amount(millijoules: int) -> Document:
    return {'kwh': millijoules / 3.6e9, 'millijoules': str(millijoules)}


def _head(rows: list[Document]) -> Document:
    return {
        'start': rows[0]['start'],
        'end': rows[-1]['end'],
        'step': None,
        'timezone': 'UTC',
        'as_of': None,
        'methods': METHODS,
        'next': None,
    }
