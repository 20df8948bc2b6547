# SPDX-License-Identifier: Apache-2.0

"""Write the figures of growth into the documentation.

``tools/run_benchmarks.sh`` calls this after the benchmark::

  python -m benchmarks.growth.report FIGURES.json DIRECTORY

It writes ``growth.json``, ``growth.inc`` with what was measured,
``growth.svg`` with its picture, and ``sites.inc`` with what sites need.
"""

import argparse
import collections.abc
import pathlib
import sys

import prettytable

from benchmarks import report as benchmarks_report
from benchmarks.growth import chart
from benchmarks.growth import figures
from benchmarks.growth import sites

#: Rows of a table, the first with the titles; a row begins with its title.
_Table = list[tuple[str, ...]]

#: Titles of rows, and the fields that they show.
_LOAD = {
    'Each is read every, s': 'interval',
    'Agents': 'agents',
    'CPU of the agents, µs a measurement': 'agent_us',
    'CPU of the collector, µs a measurement': 'collector_us',
    'CPU of PostgreSQL, µs a measurement': 'postgresql_us',
    'CPU of RabbitMQ, µs a measurement': 'rabbitmq_us',
    'CPU of all four, % of a core': 'percent',
    'Busiest agent or collector, % of a core': 'busiest',
    'Memory of the agents, MiB': 'agent_mib',
    'Memory of the collector, MiB': 'collector_mib',
    'Age in the API, 99th percentile, s': 'age_s',
    'Log of PostgreSQL, bytes a measurement': 'wal_bytes',
    'Updates that leave indexes alone, %': 'hot_updates',
    'Tables that each batch updates, MiB': 'hot_mib',
    'Connections to PostgreSQL': 'connections',
}
_FULL = {
    'CPU of all four, % of a core': 'percent',
    'Busiest agent or collector, % of a core': 'busiest',
    'Age in the API, 99th percentile, s': 'age_s',
    'Age of the oldest value, beyond the interval, s': 'late_s',
    'Dropped for newer ones': 'coalesced',
    'Full': 'waits',
}
_REQUESTS = {
    'List of all, unchanged, CPU ms': 'unchanged_ms',
    'List of all, with ETag, CPU ms': 'etag_ms',
    'List of all, changed each time, CPU ms': 'changed_ms',
    'A day of all, CPU ms': 'day_ms',
    'Memory of two processes of the API, MiB': 'api_mib',
}
_POINTS = {
    'RRD points per second of CPU time': 'rate',
    'RRD bytes that become dirty for a point': 'written',
    'Memory of ``energy-meter-rrd``, MiB': 'mib',
}
_STORAGE = {
    'Closing a day of all, s': 'closing_s',
    'Closed day of a probe, bytes': 'day_bytes',
    'Mark of a probe, bytes': 'mark_bytes',
}


def main() -> int:
    """Write the files, and return the exit code."""
    parser = argparse.ArgumentParser(
        prog='python -m benchmarks.growth.report',
        description=(__doc__ or '').partition('\n')[0],
    )
    parser.add_argument('figures', type=pathlib.Path)
    parser.add_argument('directory', type=pathlib.Path)
    arguments = parser.parse_args()
    found = figures.read(arguments.figures)
    figures.write(arguments.directory / 'growth.json', found)
    for name, content in {
        'growth.inc': _growth(found),
        'sites.inc': _include(_list_table(sites.table(found))),
        'growth.svg': chart.draw(found),
    }.items():
        (arguments.directory / name).write_text(content)
    return 0


def text(found: figures.Figures) -> str:
    """Return the tables of all that was measured as plain text."""
    tables = [measured(found)]
    if found.full:
        tables.append(full(found))
    if found.requests and found.points and found.storage:
        tables.append(sites.table(found))
    lines = []
    for rows in tables:
        table = prettytable.PrettyTable(header=False, align='r')
        table.add_rows(rows)
        table.align['Field 1'] = 'l'
        lines.append(table.get_string())
    return '\n'.join([*lines, capacity(found)])


def measured(found: figures.Figures) -> _Table:
    """Return what was measured, with a column for each number of probes."""
    sizes = [load.probes for load in found.loads]
    return [
        ('Probes', *(f'{size:,}' for size in sizes)),
        *_rows(_LOAD, found.loads, sizes),
        *_rows(_REQUESTS, found.requests, sizes),
        *_rows(_POINTS, found.points, sizes),
        *_rows(_STORAGE, found.storage, sizes),
    ]


def full(found: figures.Figures) -> _Table:
    """Return the loads around the size at which the machine is full."""
    loads = sorted(found.full)
    sizes = [load.probes for load in loads]
    return [
        ('Probes, each read once a second', *(f'{size:,}' for size in sizes)),
        *_rows(_FULL, loads, sizes),
    ]


def capacity(found: figures.Figures) -> str:
    """Return the sentence about the size at which the machine is full."""
    waiting = [load.probes for load in found.full if load.waits]
    keeping = [
        load.probes
        for load in (*found.loads, *found.full)
        if load.interval == 1 and not load.waits
    ]
    machine = f'With {found.machine["cores"]} cores, one machine'
    most = max(keeping, default=0)
    if not waiting:
        return f'{machine} serves {most:,} probes at 1 Hz, or more.'
    return (
        f'{machine} is full at {min(waiting):,} probes at 1 Hz; nothing waits '
        f'with {most:,}.'
    )


def _rows(
    fields: dict[str, str],
    rows: collections.abc.Sequence[figures.Row],
    sizes: collections.abc.Iterable[int],
) -> _Table:
    """Return fields with a column for each size, empty without a figure."""
    by_size = {row.probes: row for row in rows}
    return [
        (
            title,
            *(
                _short(getattr(by_size[size], field))
                if size in by_size
                else ''
                for size in sizes
            ),
        )
        for title, field in fields.items()
    ]


def _short(value: float | bool) -> str:
    """Return three digits, or all of a large integer."""
    if isinstance(value, bool):
        return 'yes' if value else 'no'
    return f'{value:,.0f}' if abs(value) >= 100 else f'{value:.3g}'


def _growth(found: figures.Figures) -> str:
    """Return the include with all that was measured."""
    lines = [
        *_list_table(measured(found)),
        capacity(found),
        '',
        *(_list_table(full(found)) if found.full else ()),
        *benchmarks_report.machines([{'machine': found.machine}]),
    ]
    return _include(lines)


def _include(lines: collections.abc.Iterable[str]) -> str:
    return '\n'.join(
        ['.. tools/run_benchmarks.sh growth writes this file.', '', *lines, '']
    )


def _list_table(table: _Table) -> list[str]:
    columns = len(table[0])
    width = 60 // (columns - 1)
    return [
        '.. list-table::',
        '   :header-rows: 1',
        f'   :widths: 40 {" ".join([str(width)] * (columns - 1))}',
        '',
        *(line for cells in table for line in benchmarks_report.row(cells)),
        '',
    ]


if __name__ == '__main__':
    sys.exit(main())
