# SPDX-License-Identifier: Apache-2.0

"""Inventory in a CSV file.

The first line names the columns: ``name`` and options of wattmeters. An empty
cell leaves an option out.
"""

import collections.abc
import csv
import typing

from energy_meter import exception
from energy_meter.inventory import device

NAME = 'name'


def read(stream: typing.TextIO, file: str) -> device.Inventory:
    """Return the devices of a CSV file.

    Empty lines and lines that begin with # are ignored. The separator is a
    comma, or a semicolon if the first line contains one.

    :param file: name of the file, for messages.
    :raises ConfigurationError: if the file is not valid.
    """
    try:
        lines = stream.read().splitlines()
    except UnicodeDecodeError as error:
        raise _error(file, 1, f'is not UTF-8: {error}') from None
    numbers = [
        number
        for number, line in enumerate(lines, 1)
        if line.strip() and not line.startswith('#')
    ]
    if not numbers:
        raise _error(file, 1, 'has no line with the names of the columns')
    header = lines[numbers[0] - 1].lstrip('\ufeff')
    delimiter = ';' if ';' in header else ','
    columns = [column.strip() for column in header.split(delimiter)]
    _check(columns, file, numbers[0])
    return device.Inventory(
        [
            _device(columns, lines[number - 1], delimiter, file, number)
            for number in numbers[1:]
        ],
        {},
    )


def _check(columns: list[str], file: str, number: int) -> None:
    if NAME not in columns:
        raise _error(
            file,
            number,
            f'has no column {NAME}; the columns are {", ".join(columns)}',
        )
    for column in columns:
        if not column or columns.count(column) > 1:
            raise _error(
                file, number, f'column {column!r} is empty or not unique'
            )


def _device(
    columns: list[str], line: str, delimiter: str, file: str, number: int
) -> device.Device:
    # A quoted cell may contain separators, but no line feed.
    (cells,) = csv.reader([line], delimiter=delimiter)
    if len(cells) > len(columns):
        raise _error(
            file,
            number,
            f'has {len(cells)} cells for {len(columns)} columns; quote cells '
            f'that contain {delimiter!r}',
        )
    options: collections.abc.MutableMapping[str, str] = {
        column: cell.strip()
        for column, cell in zip(columns, cells, strict=False)
        if cell.strip()
    }
    name = options.pop(NAME, '')
    if not name:
        raise _error(file, number, f'has no {NAME}')
    return device.Device(name, options, f'{file}:{number}')


def _error(
    file: str, number: int, reason: str
) -> exception.ConfigurationError:
    return exception.ConfigurationError(f'{file}:{number}: {reason}')
