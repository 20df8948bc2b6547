# SPDX-License-Identifier: Apache-2.0

"""Inject faults one after another and print a table of their costs.

The exit status is 1 if a fault cost more than it may.
"""

import argparse
import json
import pathlib
import random
import sys

import fixtures

from energy_meter.tests.faults import catalog
from energy_meter.tests.faults import installation
from energy_meter.tests.faults import schedule
from energy_meter.tests.faults import table
from energy_meter.tests.faults import trial


def main() -> int:
    """Run the faults that the arguments name."""
    arguments = _parse()
    if arguments.list:
        print('\n'.join(catalog.FAULTS))
        return 0
    injections = schedule.draw(
        arguments.seed, arguments.faults, arguments.duration
    )
    rows = []
    with installation.Peers() as peers:
        for number, injection in enumerate(injections, 1):
            _report(f'{number} of {len(injections)}: {injection.fault}')
            rows.append(_run(peers, injection))
            for problem in rows[-1].problems:
                _report(f'   {problem}')
    print(table.draw(rows))
    if arguments.json is not None:
        arguments.json.write_text(
            json.dumps(
                {
                    'seed': arguments.seed,
                    'duration': arguments.duration,
                    'faults': [table.document(row) for row in rows],
                },
                indent=2,
            )
        )
    return 1 if any(row.problems for row in rows) else 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog='python -m energy_meter.tests.faults',
        description=__doc__.partition('\n')[0],
    )
    parser.add_argument(
        '--list', action='store_true', help='list the faults and exit'
    )
    parser.add_argument(
        '--faults',
        type=_names,
        metavar='NAME,NAME',
        default=list(catalog.FAULTS),
        help='inject only these faults, in this order (default: all)',
    )
    parser.add_argument(
        '--seed',
        type=int,
        default=1,
        help='seed of all randomness (default: 1)',
    )
    parser.add_argument(
        '--duration',
        type=float,
        default=10.0,
        metavar='SECONDS',
        help='approximate duration of each fault (default: 10)',
    )
    parser.add_argument(
        '--json',
        type=pathlib.Path,
        metavar='FILE',
        help='also write the table to this file',
    )
    return parser.parse_args()


def _names(text: str) -> list[str]:
    names = [name.strip() for name in text.split(',')]
    for name in names:
        if name not in catalog.FAULTS:
            raise argparse.ArgumentTypeError(
                f'unknown fault {name!r}; --list shows all'
            )
    return names


def _run(
    peers: installation.Peers,
    injection: schedule.Injection,
) -> table.Row:
    injected = catalog.FAULTS[injection.fault](random.Random(injection.seed))
    try:
        outcome = trial.run(peers, injected, injection)
    except Exception as error:
        # The other faults can still be injected.
        return table.Row(
            injection.fault, injected.cost, None, str(_root_cause(error))
        )
    return table.Row(injection.fault, injected.cost, outcome)


def _root_cause(error: BaseException) -> BaseException:
    while isinstance(error, fixtures.MultipleExceptions):
        error = error.args[0][1]
    return error


def _report(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == '__main__':
    sys.exit(main())
