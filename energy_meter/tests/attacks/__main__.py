# SPDX-License-Identifier: Apache-2.0

"""Attack the services one after another and print what each attack cost.

The exit status is 1 if an attack did not end in time.
"""

import argparse
import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys

import prettytable

from energy_meter.tests.attacks import attack
from energy_meter.tests.attacks import catalog

#: Seconds after which an attack and its victim are killed.
MAX_SECONDS = 180.0


def main() -> int:
    """Run the attacks that the arguments name."""
    arguments = _parse()
    if arguments.list:
        print('\n'.join(catalog.ATTACKS))
        return 0
    rows: dict[str, attack.Figures | None] = {}
    for number, name in enumerate(arguments.attacks, 1):
        print(f'{number} of {len(arguments.attacks)}: {name}', file=sys.stderr)
        rows[name] = _run(name)
    print(_draw(rows))
    if arguments.json is not None:
        arguments.json.write_text(
            json.dumps(
                {
                    name: figures and figures._asdict()
                    for name, figures in rows.items()
                },
                indent=2,
            )
        )
    return 0 if all(rows.values()) else 1


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog='python -m energy_meter.tests.attacks',
        description=__doc__.partition('\n')[0],
    )
    parser.add_argument(
        '--list', action='store_true', help='list the attacks and exit'
    )
    parser.add_argument(
        '--attacks',
        type=_names,
        metavar='NAME,NAME',
        default=list(catalog.ATTACKS),
        help='run only these attacks, in this order (default: all)',
    )
    parser.add_argument(
        '--json',
        type=pathlib.Path,
        metavar='FILE',
        help='also write the figures to this file',
    )
    return parser.parse_args()


def _names(text: str) -> list[str]:
    names = [name.strip() for name in text.split(',')]
    for name in names:
        if name not in catalog.ATTACKS:
            raise argparse.ArgumentTypeError(
                f'unknown attack {name!r}; --list shows all'
            )
    return names


def _run(name: str) -> attack.Figures | None:
    """Run an attack in processes of its own, and end all of them.

    Return None if it has failed or has not ended in time.
    """
    with subprocess.Popen(
        [sys.executable, '-m', catalog.__name__, name],
        stdout=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        try:
            output, _ = process.communicate(timeout=MAX_SECONDS)
        except subprocess.TimeoutExpired:
            return None
        finally:
            # The victim is in the same group.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    if process.returncode:
        return None
    return attack.Figures(*json.loads(output))


def _draw(rows: dict[str, attack.Figures | None]) -> str:
    table = prettytable.PrettyTable(
        ('attack', 'memory MiB', 'CPU s', 'delay s', 'note'), align='r'
    )
    table.align['attack'] = table.align['note'] = 'l'
    for name, figures in rows.items():
        table.add_row(
            (name, '', '', '', 'FAILED')
            if figures is None
            else (
                name,
                f'{figures.peak_memory / 2**20:.1f}',
                f'{figures.cpu:.2f}',
                f'{figures.latency:.2f}',
                figures.note,
            )
        )
    return str(table)


if __name__ == '__main__':
    sys.exit(main())
