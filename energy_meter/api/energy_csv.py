# SPDX-License-Identifier: Apache-2.0

"""Energy as CSV, one line per row."""

import collections.abc
import csv
import io

from energy_meter.api import energy_documents
from energy_meter.db import energies
from energy_meter.db import splicing

COLUMNS = (
    'probe_id',
    'start',
    'end',
    'kwh',
    'millijoules',
    'coverage',
    'uncertain_kwh',
    'quality',
    'clock',
    'state',
    'version',
)


def render(
    answers: collections.abc.Iterable[energies.Answer],
) -> collections.abc.Iterator[bytes]:
    """Yield the header, and the lines of each probe.

    Several clocks are separated by blanks.
    """
    yield lines([COLUMNS])
    for answer in answers:
        yield lines(_line(answer.subject.id, each) for each in answer.rows)


def _line(probe: str, row: splicing.Row) -> list[object]:
    fields = energy_documents.row(row)
    fields['clock'] = ' '.join(fields['clock'])
    return [probe, *(fields[name] for name in COLUMNS[1:])]


def lines(
    rows: collections.abc.Iterable[collections.abc.Iterable[object]],
) -> bytes:
    """Return lines of CSV."""
    file = io.StringIO()
    csv.writer(file).writerows(rows)
    return file.getvalue().encode()
