# SPDX-License-Identifier: Apache-2.0

"""Tables of the results as reStructuredText."""

import collections.abc

from energy_meter.tests.traces import errors

#: Errors by system and trace.
Results = dict[str, dict[str, errors.Errors]]


def render(results: Results, traces: collections.abc.Sequence[str]) -> str:
    """Return all tables, with kilojoules.

    :param traces: names of the traces in their order.
    """
    return '\n'.join(
        _render(title, cell, results, traces)
        for title, cell in (
            ('False energy of all hours: beyond / below, in kJ', _hours),
            ('Part of it in hours that look right, in kJ', _silent),
            ('False energy of the day, in kJ', _day),
        )
    )


def _render(
    title: str,
    cell: collections.abc.Callable[[errors.Errors], str],
    results: Results,
    traces: collections.abc.Sequence[str],
) -> str:
    rows = [
        ['Trace', *results],
        *(
            [name, *(cell(each[name]) for each in results.values())]
            for name in traces
        ),
    ]
    lines = [f'.. csv-table:: {title}', '   :delim: ;', '   :header-rows: 1']
    return '\n'.join([*lines, '', *map(_line, rows), ''])


def _line(row: list[str]) -> str:
    return '   ' + '; '.join(row)


def _hours(found: errors.Errors) -> str:
    return f'{_kilojoules(found.beyond)} / {_kilojoules(found.below)}'


def _silent(found: errors.Errors) -> str:
    return _kilojoules(found.silent)


def _day(found: errors.Errors) -> str:
    return 'none' if found.day is None else _kilojoules(found.day)


def _kilojoules(joules: float) -> str:
    """Return an energy, with one decimal if it is small."""
    digits = 1 if abs(joules) < 9950 else 0
    text = f'{joules / 1000:,.{digits}f}'
    return '0' if text in ('0.0', '-0.0') else text
