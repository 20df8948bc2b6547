# SPDX-License-Identifier: Apache-2.0

"""A month of probes and instances, written without their measurements."""

import random
import typing

import sqlalchemy as sa

from energy_meter.db import attributed_days
from energy_meter.db import engine as db_engine
from energy_meter.db import schema
from energy_meter.tests import attributed
from energy_meter.tests.functional import month

DAYS = 31
_MEMBERS = 500
_HOSTS, _INSTANCES = 100, 50

#: Values of columns that differ in a copy.
_Values = dict[str, sa.ColumnElement[typing.Any]]


class Fleet(typing.NamedTuple):
    """What was written.

    :ivar start: date of the first day, in seconds.
    :ivar end: midnight after the last day, in seconds.
    :ivar instance: UUID of an instance that is present all the time.
    """

    start: int
    end: int
    instance: str


def load(engine: sa.Engine, probes: int) -> Fleet:
    """Write probes, of which the last days are open, and attributed days.

    All probes are up to date.
    """
    first = month.load(engine, probes, DAYS, _MEMBERS)
    with engine.begin() as connection:
        attributed_days.insert(connection, [_day(first)])
        for table in (schema.attributed_day, schema.instance_day):
            for host in range(1, _HOSTS):
                _copy(connection, table, first, _of_host(table, host))
            for day in range(first + 1, first + DAYS):
                _copy(connection, table, first, {'day': sa.literal(day)})
    refresh(engine)
    return Fleet(
        first * month.DAY_MS // 1000,
        (first + DAYS) * month.DAY_MS // 1000,
        _uuid(0),
    )


def refresh(engine: sa.Engine) -> None:
    """Set all registers as seen just now, and update the statistics."""
    with engine.begin() as connection:
        connection.execute(
            schema.register.update().values(
                last_seen_at=db_engine.now(connection)
            )
        )
        # As the database does by itself in a fleet that grows.
        connection.execute(sa.text('ANALYZE'))


def _day(number: int) -> attributed_days.HostDay:
    """Return a day of a host whose instances need up to 10 W each."""
    generator = random.Random(0)  # noqa: S311
    identity = attributed_days.Identity(
        name='vm',
        project=month.PROJECT,
        project_name='project',
        user='user',
    )
    return attributed.day(
        number,
        _name(0),
        {
            _uuid(each): (identity, lambda _: generator.uniform(0, 10))
            for each in range(_INSTANCES)
        },
    )


def _name(host: int) -> str:
    return f'host-{host:03}'


def _uuid(instance: int) -> str:
    return f'{_name(0)}-0000-4000-8000-{instance:012}'


def _of_host(table: sa.Table, host: int) -> _Values:
    """Return what differs between a host and the first one."""
    name = sa.literal(_name(host))
    values: _Values = {'host': name}
    if 'instance' in table.c:
        values['instance'] = sa.func.replace(table.c.instance, _name(0), name)
    return values


def _copy(
    connection: sa.Connection, table: sa.Table, day: int, values: _Values
) -> None:
    """Copy rows of a day: of the first host to another, or all to a day."""
    is_source = table.c.day == day
    if 'host' in values:
        is_source &= table.c.host == _name(0)
    query = sa.select(
        *(values.get(column.name, column) for column in table.columns)
    ).where(is_source)
    connection.execute(
        table.insert().from_select([*table.columns.keys()], query)
    )
