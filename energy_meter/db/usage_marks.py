# SPDX-License-Identifier: Apache-2.0

"""Vectors of registers of CPU time, at their marks.

A layout is stored once, however many marks have it.
"""

import collections
import collections.abc
import hashlib
import json
import typing
import zlib

import sqlalchemy as sa

from energy_meter import cpu_usage
from energy_meter.db import documents
from energy_meter.db import schema
from energy_meter.db import varints

#: Number of rows in one statement, and of layouts.
_CHUNK = 1000

_MARK, _LATEST = schema.usage_mark, schema.usage_latest
_LAYOUT = schema.usage_layout

_ID = {'id': documents.INTEGER}
_WINDOW = {
    'register': documents.INTEGER,
    'start': documents.INTEGER,
    'until': documents.INTEGER,
}


class Vector(typing.NamedTuple):
    """Vector of a register, by its number, at one elapsed time in ms."""

    register: int
    elapsed: int
    usage: cpu_usage.Usage


class Window(typing.NamedTuple):
    """Part of a register's time, between two elapsed times in ms.

    :ivar register: its number.
    """

    register: int
    start: int
    until: int


def write(
    connection: sa.Connection,
    marks: collections.abc.Sequence[Vector],
    latest: collections.abc.Sequence[Vector],
) -> None:
    """Write vectors, in the same order as every writer: layouts first.

    :param marks: those of marks; of a mark that exists it is replaced.
    :param latest: the newest that are not marks, one of a register. It is
        replaced by those of a larger elapsed time.
    """
    layouts = {
        _identify(vector.usage.layout): vector.usage.layout
        for vector in (*marks, *latest)
    }
    if layouts:
        _insert_layouts(connection, layouts)
    _write(connection, _MARK_STATEMENTS, marks)
    _write(connection, _LATEST_STATEMENTS, latest)


def load(
    connection: sa.Connection, windows: collections.abc.Collection[Window]
) -> dict[int, list[tuple[int, cpu_usage.Usage]]]:
    """Return the vectors within windows, and their neighbors on both sides.

    If there is no later mark, the newest vector takes its place. At elapsed
    time 0, where nothing is stored, all values are zero.

    :returns: by number of the register, in the order of their elapsed times,
        each of which occurs once; registers without vectors are missing.
    """
    found: dict[int, dict[int, tuple[int, bytes]]] = collections.defaultdict(
        dict
    )
    for part in _chunks(sorted(windows)):
        for query in (_marks(connection), _newest(connection)):
            for row in connection.execute(query, documents.pack(part)):
                at = found[row.register]
                at.setdefault(row.elapsed, (row.layout, row.packed))
    wanted = {layout for at in found.values() for layout, _ in at.values()}
    layouts = load_layouts(connection, wanted)
    return {
        register: [
            (elapsed, cpu_usage.Usage(layouts[layout], _unpack(packed)))
            for elapsed, (layout, packed) in sorted(at.items())
        ]
        for register, at in found.items()
    }


def _write(
    connection: sa.Connection,
    statements: collections.abc.Mapping[str, sa.TextClause],
    vectors: collections.abc.Sequence[Vector],
) -> None:
    rows = [
        {
            'register': register,
            'elapsed': elapsed,
            'layout': _identify(usage.layout),
            'packed': varints.pack((usage.cpu,)),
        }
        for register, elapsed, usage in sorted(vectors, key=_place)
    ]
    if rows:
        connection.execute(statements[documents.family(connection)], rows)


def _place(vector: Vector) -> tuple[int, int]:
    return vector.register, vector.elapsed


def _identify(layout: cpu_usage.Layout) -> int:
    """Return the id of a layout: 63 bits, not signed."""
    digest = hashlib.sha256(_to_json(layout)).digest()
    return int.from_bytes(digest[:8]) >> 1


def _to_json(layout: cpu_usage.Layout) -> bytes:
    return json.dumps(layout, separators=(',', ':')).encode()


def _unpack(packed: bytes) -> tuple[int, ...]:
    return tuple(varints.unpack(packed))


def _insert_layouts(
    connection: sa.Connection,
    layouts: collections.abc.Mapping[int, cpu_usage.Layout],
) -> None:
    """Write the layouts that are missing: most exist."""
    known: set[int] = set()
    for part in _chunks(sorted(layouts)):
        query = sa.select(_LAYOUT.c.id).where(_LAYOUT.c.id.in_(part))
        known.update(connection.scalars(query))
    rows = [
        {'id': number, 'packed': zlib.compress(_to_json(layouts[number]))}
        for number in sorted(layouts.keys() - known)
    ]
    if rows:
        connection.execute(
            _LAYOUT_STATEMENTS[documents.family(connection)], rows
        )


def load_layouts(
    connection: sa.Connection, wanted: collections.abc.Set[int]
) -> dict[int, cpu_usage.Layout]:
    """Return layouts by their id."""
    layouts = {}
    for part in _chunks(sorted(wanted)):
        query = sa.select(_LAYOUT.c.id, _LAYOUT.c.packed)
        for number, packed in connection.execute(
            query.where(_LAYOUT.c.id.in_(part))
        ):
            content = json.loads(zlib.decompress(packed))
            layouts[number] = cpu_usage.parse_layout(content)
    return layouts


def _marks(connection: sa.Connection) -> sa.Select[typing.Any]:
    """Return the query for the marks in windows and their neighbors."""
    received = documents.table(connection, _WINDOW)
    other = _MARK.alias()
    of_register = other.c.register == received.c.register
    before = (
        sa.select(sa.func.max(other.c.elapsed))
        .where(of_register, other.c.elapsed <= received.c.start)
        .scalar_subquery()
    )
    after = (
        sa.select(sa.func.min(other.c.elapsed))
        .where(of_register, other.c.elapsed >= received.c.until)
        .scalar_subquery()
    )
    inside = sa.and_(
        _MARK.c.register == received.c.register,
        _MARK.c.elapsed >= sa.func.coalesce(before, received.c.start),
        _MARK.c.elapsed <= sa.func.coalesce(after, received.c.until),
    )
    return sa.select(_MARK).join_from(received, _MARK, inside)


def _newest(connection: sa.Connection) -> sa.Select[typing.Any]:
    """Return the query for the newest vectors that no mark follows."""
    received = documents.table(connection, _WINDOW)
    other = _MARK.alias()
    mark_follows = sa.exists().where(
        other.c.register == received.c.register,
        sa.or_(
            other.c.elapsed >= received.c.until,
            other.c.elapsed >= _LATEST.c.elapsed,
        ),
    )
    of_window = sa.and_(
        _LATEST.c.register == received.c.register,
        _LATEST.c.elapsed > received.c.start,
        ~mark_follows,
    )
    return sa.select(_LATEST).join_from(received, _LATEST, of_window)


_T = typing.TypeVar('_T')


def _chunks(
    rows: list[_T],
) -> collections.abc.Iterator[list[_T]]:
    for start in range(0, len(rows), _CHUNK):
        yield rows[start : start + _CHUNK]


def _insert(
    family: str,
    table: sa.Table,
    key: collections.abc.Collection[str],
    assignments: str,
) -> sa.TextClause:
    columns = [column.name for column in table.columns]
    values = ', '.join(f':{name}' for name in columns)
    # Only names from this module are inserted into the text.
    return sa.text(
        f'INSERT INTO {table.name} ({", ".join(columns)}) '  # noqa: S608
        f'VALUES ({values}) ' + documents.on_conflict(family, key, assignments)
    )


# MariaDB evaluates assignments left to right, using values already assigned,
# so the one that decides comes last.
_MARK_STATEMENTS = {
    family: _insert(
        family,
        _MARK,
        ('register', 'elapsed'),
        'layout = {new}layout, packed = {new}packed',
    )
    for family in documents.FAMILIES
}
_LATEST_STATEMENTS = {
    family: _insert(
        family,
        _LATEST,
        ('register',),
        ', '.join(
            f'{name} = CASE WHEN {{new}}elapsed > usage_latest.elapsed '
            f'THEN {{new}}{name} ELSE usage_latest.{name} END'
            for name in ('layout', 'packed', 'elapsed')
        ),
    )
    for family in documents.FAMILIES
}
_LAYOUT_STATEMENTS = {
    family: _insert(family, _LAYOUT, ('id',), 'id = usage_layout.id')
    for family in documents.FAMILIES
}
