# SPDX-License-Identifier: Apache-2.0

"""Instances of projects on attributed days, and the names of the projects."""

import collections.abc
import typing

import sqlalchemy as sa

from energy_meter.db import instance_days
from energy_meter.db import schema


class Presence(typing.NamedTuple):
    """An instance of a project, and when it was there.

    :ivar project_name: the name that it had in this time.
    :ivar first: the first day.
    """

    project: str
    project_name: str
    instance: str
    first: int
    last: int


def load(
    connection: sa.Connection,
    chosen: instance_days.Filter,
    days: range,
    as_of: int | None,
    last: str | None,
) -> collections.abc.Iterator[Presence]:
    """Yield the instances of projects."""
    table = schema.instance_day.c
    columns = table.project, table.project_name, table.instance
    within = sa.func.min(table.day), sa.func.max(table.day)
    query = instance_days.select(chosen, days, as_of, last, *columns, *within)
    yield from map(
        Presence._make, connection.execute(query.group_by(*columns))
    )
