# SPDX-License-Identifier: Apache-2.0

"""Results of a fault run, as a table and as JSON."""

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

#: Seconds that are never covered: before the first and after the last reading
#: of a meter, and while its agent starts.
UNCOVERED = 1.0
#: Millijoules that hand-overs between agents may cost: 0.2 s of all probes
#: that they share, which is how late a message is at most without a fault.
HANDOVER = round(installation.PROBES_PER_AGENT * installation.WATTS * 200)


class Row(typing.NamedTuple):
    """Result of one fault.

    :ivar name: name of the fault.
    :ivar cost: maximum cost that the fault may have.
    :ivar outcome: None if the installation did not start or recover.
    :ivar error: reason why it did not.
    """

    name: str
    cost: fault.Cost
    outcome: trial.Outcome | None
    error: str = ''

    @property
    def problems(self) -> list[str]:
        """Return descriptions of all violated expectations."""
        if self.outcome is None:
            return [self.error]
        found = self.outcome.verdict
        allowed = HANDOVER if self.cost is fault.Cost.HANDOVER else 0
        wrong = {
            f'{found.lost} mJ were lost': found.lost > allowed,
            f'{found.doubled} mJ were billed twice': found.doubled > allowed,
            f'{found.ahead} mJ were shown too early': (
                found.ahead > 0 and self.cost is not fault.Cost.HANDOVER
            ),
            f'{found.undated} mJ are missing from the intervals': (
                found.undated > 0
            ),
            f'{found.unpublished} mJ were not published': (
                found.unpublished > 0
                and self.cost is not fault.Cost.UNPUBLISHED
            ),
            f'{found.uncovered:.1f} s were not covered': (
                found.uncovered > UNCOVERED
                and self.cost in (fault.Cost.NOTHING, fault.Cost.HANDOVER)
            ),
        }
        return [text for text, is_violated in wrong.items() if is_violated]


def draw(rows: list[Row]) -> str:
    """Return the table as text."""
    output = prettytable.PrettyTable(
        [
            'fault',
            'duration s',
            'metered J',
            'lost J',
            'lost %',
            'double J',
            'ahead J',
            'uncovered s',
            'API current after s',
            'longest pause s',
            *(f'{kind} MiB' for kind in _KINDS),
        ],
        align='r',
    )
    output.align['fault'] = 'l'
    for row in rows:
        if row.outcome is not None:
            output.add_row([row.name, *_cells(row.outcome)])
    lines = [output.get_string()]
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
        f'{found.ahead / 1000:.3f}',
        f'{found.uncovered:.1f}',
        f'{outcome.current_after:.1f}',
        f'{outcome.pause:.1f}',
        *(str(round(value / _MEBIBYTE)) for value in memory(outcome).values()),
    ]


def memory(outcome: trial.Outcome) -> dict[str, int]:
    """Return the peak memory of each kind of process, in bytes."""
    return {
        kind: max(outcome.memory[name] for name in names)
        for kind, names in _KINDS.items()
    }


def document(row: Row) -> dict[str, object]:
    """Return a row for the JSON file, in J, seconds and bytes."""
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
        'shown_ahead': found.ahead / 1000,
        'undated': found.undated / 1000,
        'uncovered': found.uncovered,
        'current_after': outcome.current_after,
        'longest_pause': outcome.pause,
        'memory': memory(outcome),
    }
