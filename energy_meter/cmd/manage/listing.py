# SPDX-License-Identifier: Apache-2.0

"""Lists that commands print: as a table, as JSON or as CSV."""

import argparse
import collections.abc
import csv
import json
import sys
import typing

from oslo_config import cfg
import prettytable

#: Value of a row; None if it is unknown or does not exist.
Value: typing.TypeAlias = str | float | None

#: Format of a share, such as coverage, in tables.
SHARE = '.4f'


class Column(typing.NamedTuple):
    """A column of a list.

    :ivar title: its title in tables. Its name in JSON and CSV is the same, in
        lower case and with underscores.
    :ivar spec: format of its numbers in tables; they are exact in JSON and
        CSV. Empty if it has no numbers.
    """

    title: str
    spec: str = ''

    @property
    def name(self) -> str:
        """Name in formats for programs."""
        return self.title.lower().replace(' ', '_')

    def format(self, value: Value) -> str:
        """Return a value as it is in tables."""
        if value is None or value == '':
            return '-'
        if isinstance(value, bool):
            return 'yes' if value else 'no'
        return format(value, self.spec)


Rows: typing.TypeAlias = collections.abc.Iterable[
    collections.abc.Sequence[Value]
]


def add_format(parser: argparse.ArgumentParser) -> None:
    """Add the option of a command that calls :func:`show`."""
    parser.add_argument(
        '--format',
        choices=_FORMATS,
        default='table',
        help='output format (default: %(default)s)',
    )


def show(
    conf: cfg.ConfigOpts,
    columns: collections.abc.Sequence[Column],
    rows: Rows,
) -> None:
    """Print rows in the format that ``--format`` names."""
    _FORMATS[conf.command.format](columns, rows)


def _show_table(columns: collections.abc.Sequence[Column], rows: Rows) -> None:
    table = prettytable.PrettyTable([column.title for column in columns])
    table.align = 'l'
    for column in columns:
        if column.spec:
            table.align[column.title] = 'r'
    for row in rows:
        table.add_row(
            [
                column.format(value)
                for column, value in zip(columns, row, strict=True)
            ]
        )
    print(table)


def _show_json(columns: collections.abc.Sequence[Column], rows: Rows) -> None:
    names = [column.name for column in columns]
    print(
        json.dumps(
            [dict(zip(names, row, strict=True)) for row in rows],
            indent=2,
            ensure_ascii=False,
        )
    )


def _show_csv(columns: collections.abc.Sequence[Column], rows: Rows) -> None:
    writer = csv.writer(sys.stdout, lineterminator='\n')
    writer.writerow([column.name for column in columns])
    writer.writerows(rows)


_FORMATS = {'csv': _show_csv, 'json': _show_json, 'table': _show_table}
