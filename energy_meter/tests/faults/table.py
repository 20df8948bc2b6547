# SPDX-License-Identifier: Apache-2.0

"""What came of the faults, for people and for programs."""

import typing

import prettytable

from energy_meter.tests.faults import fault
from energy_meter.tests.faults import installation
from energy_meter.tests.faults import trial

_KINDS = {
    'agent': installation.AGENTS,
    'collector': installation.COLLECTORS,
    'rrd': ('rrd',),
    'api': ('api',),
}
_MEBIBYTE = 2**20

#: Seconds that are not covered in any case: before the first reading of a
#: meter, after its last, and while its agent starts.
UNCOVERED = 1.0


class Row(typing.NamedTuple):
    """What came of one fault.

    :ivar name: of the fault.
    :ivar cost: what it may cost.
    :ivar outcome: None if the installation did not start or recover.
    :ivar error: why not.
    """

    name: str
    cost: fault.Cost
    outcome: trial.Outcome | None
    error: str = ''

    @property
    def problems(self) -> list[str]:
        """Tell in words what should not be."""
        if self.outcome is None:
            return [self.error]
        found = self.outcome.verdict
        wrong = {
            f'{found.lost} mJ are lost': found.lost > 0,
            f'{found.doubled} mJ are billed twice': found.doubled > 0,
            f'{found.unpublished} mJ were not published': (
                found.unpublished > 0
                and self.cost is not fault.Cost.UNPUBLISHED
            ),
            f'{found.uncovered:.1f} s are not covered': (
                found.uncovered > UNCOVERED and self.cost is fault.Cost.NOTHING
            ),
        }
        return [text for text, is_so in wrong.items() if is_so]


def draw(rows: list[Row]) -> str:
    """Draw the table."""
    shown = prettytable.PrettyTable(
        [
            'fault',
            'duration s',
            'metered J',
            'lost J',
            'lost %',
            'double J',
            'not covered s',
            'API current after s',
            'longest pause s',
            *(f'{kind} MiB' for kind in _KINDS),
        ],
        align='r',
    )
    shown.align['fault'] = 'l'
    for row in rows:
        if row.outcome is not None:
            shown.add_row([row.name, *_cells(row.outcome)])
    lines = [shown.get_string()]
    lines += [
        f'{row.name}: {problem}' for row in rows for problem in row.problems
    ]
    return '\n'.join(lines)


def _cells(outcome: trial.Outcome) -> list[str]:
    found = outcome.verdict
    lost = found.lost + found.unpublished
    return [
        f'{outcome.duration:.1f}',
        f'{found.metered / 1000:.3f}',
        f'{lost / 1000:.3f}',
        f'{lost / found.metered:.3%}',
        f'{found.doubled / 1000:.3f}',
        f'{found.uncovered:.1f}',
        f'{outcome.current_after:.1f}',
        f'{outcome.pause:.1f}',
        *(str(round(value / _MEBIBYTE)) for value in memory(outcome).values()),
    ]


def memory(outcome: trial.Outcome) -> dict[str, int]:
    """Give the most memory of each kind of process, in bytes."""
    return {
        kind: max(outcome.memory[name] for name in names)
        for kind, names in _KINDS.items()
    }


def document(row: Row) -> dict[str, object]:
    """Give a row as it stands in a JSON file: J, seconds and bytes."""
    head: dict[str, object] = {
        'fault': row.name,
        'may_cost': row.cost.value,
        'problems': row.problems,
    }
    if row.outcome is None:
        return head
    outcome, found = row.outcome, row.outcome.verdict
    return head | {
        'duration': outcome.duration,
        'metered': found.metered / 1000,
        'unpublished': found.unpublished / 1000,
        'lost': found.lost / 1000,
        'billed_twice': found.doubled / 1000,
        'uncovered': found.uncovered,
        'current_after': outcome.current_after,
        'longest_pause': outcome.pause,
        'memory': memory(outcome),
    }
