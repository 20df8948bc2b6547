# SPDX-License-Identifier: Apache-2.0

"""Combine the results of benchmarks into one table and one JSON file.

Each benchmark of :mod:`benchmarks.comparison` writes its result with
``--json``. ``tools/run_benchmarks.sh`` runs them all, and then this. The file
in reStructuredText is what ``doc/source/admin/performance.rst`` includes::

  python -m benchmarks.report --json ALL.json --rst TABLE.inc RESULT.json...
"""

import argparse
import collections.abc
import json
import pathlib
import re
import sys
import typing

from benchmarks import comparison
from energy_meter.tests.functional import simulation

#: A result as :func:`benchmarks.comparison.document` returns it.
Document = dict[str, typing.Any]

_COLUMNS = ('Question', 'Program', 'Median', 'From', 'To', 'Ratio', 'MiB')
_WIDTHS = (28, 26, 10, 10, 10, 9, 7)


def main() -> int:
    """Print the table, write the files, and return 1 if a claim fails."""
    parser = argparse.ArgumentParser(
        prog='python -m benchmarks.report',
        description=(__doc__ or '').partition('\n')[0],
    )
    parser.add_argument('--json', type=pathlib.Path, help='file to write')
    parser.add_argument('--rst', type=pathlib.Path, help='file to write')
    parser.add_argument(
        'results', nargs='+', type=pathlib.Path, help='results, in order'
    )
    arguments = parser.parse_args()
    documents = {path.stem: load(path) for path in arguments.results}
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(documents, indent=1) + '\n')
    if arguments.rst is not None:
        arguments.rst.write_text(restructured(documents))
    found = [
        each for result in documents.values() for each in comparisons(result)
    ]
    print(comparison.table(found))
    for line in machines(documents.values()):
        print(line)
    return simulation.judge([claim for each in found for claim in each.claims])


def load(path: pathlib.Path) -> Document:
    """Return a result."""
    document: Document = json.loads(path.read_text())
    return document


def comparisons(document: Document) -> list[comparison.Comparison]:
    """Return the comparisons of a result."""
    return [
        comparison.Comparison(
            each['question'],
            each['unit'],
            comparison.Figure(**each['ours']),
            tuple(comparison.Figure(**peer) for peer in each['peers']),
            tuple((text, holds) for text, holds in each['claims']),
        )
        for each in document['comparisons']
    ]


def machines(documents: collections.abc.Iterable[Document]) -> list[str]:
    """Return a sentence for each kind of machine the results come from."""
    loads: dict[str, list[float]] = {}
    for each in documents:
        machine = each['machine']
        text = (
            f'{machine["cores"]} cores of {machine["processor"]}, '
            f'{machine["system"]}, Python {machine["python"]}'
        )
        loads.setdefault(text, []).append(machine['load'])
    return [
        f'Measured on {text}. Load at the end of each benchmark: '
        f'{min(found):.1f} to {max(found):.1f}.'
        for text, found in loads.items()
    ]


def restructured(documents: dict[str, Document]) -> str:
    """Return the tables of all results in reStructuredText.

    :param documents: the results by the names of their modules.
    """
    lines = ['.. tools/run_benchmarks.sh writes this file.', '']
    for name, document in documents.items():
        found = comparisons(document)
        lines += [
            f'.. list-table:: ``{name}``: {_escape(document["title"])}',
            '   :header-rows: 1',
            f'   :widths: {" ".join(map(str, _WIDTHS))}',
            '',
            *row(_COLUMNS),
        ]
        for each in found:
            lines += _rows(each)
        lines.append('')
        for text, holds in [claim for each in found for claim in each.claims]:
            verdict = 'holds' if holds else '**fails**'
            lines.append(f'* {verdict}: {_escape(text)}')
        lines.append('')
    for sentence in machines(documents.values()):
        lines += [sentence, '']
    return '\n'.join(lines)


def _rows(each: comparison.Comparison) -> collections.abc.Iterator[str]:
    question = _escape(f'{each.question} ({each.unit})')
    for found in (each.ours, *each.peers):
        yield from row(
            (
                question,
                _escape(found.program),
                f'{found.median:.4g}',
                f'{found.low:.4g}',
                f'{found.high:.4g}',
                _ratio(found, each.ours),
                '' if found.memory is None else f'{found.memory:.0f}',
            )
        )
        # The question stands at its first program only.
        question = ''


def row(
    cells: collections.abc.Iterable[str],
) -> collections.abc.Iterator[str]:
    """Yield the lines of a row of a ``list-table``."""
    for number, cell in enumerate(cells):
        yield f'   {"  -" if number else "* -"} {cell}'.rstrip()


def _escape(text: str) -> str:
    """Return text without markup."""
    return re.sub(r'([\\*`|_])', r'\\\1', text)


def _ratio(found: comparison.Figure, ours: comparison.Figure) -> str:
    """Return how many times our figure a figure is, as the table prints it."""
    return f'{found.median / ours.median:.3g}' if ours.median else ''


if __name__ == '__main__':
    sys.exit(main())
