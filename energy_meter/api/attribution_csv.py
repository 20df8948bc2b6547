# SPDX-License-Identifier: Apache-2.0

"""Energy of instances, projects and hosts as CSV, one line per row."""

import collections.abc

from energy_meter.api import attribution_documents
from energy_meter.api import energy_csv
from energy_meter.db import host_days
from energy_meter.db import instances

_TIME = ('start', 'end', 'kwh', 'millijoules')
_QUALITY = ('coverage', 'uncertain_kwh', 'quality', 'state', 'version')
#: What the energy of a host was used for.
_USES = (
    'instances',
    'overhead',
    'unallocated',
    'unattributed',
    'idle',
    'devices',
)

_Frame = attribution_documents.Frame
_Answers = collections.abc.Iterable[instances.Answer]


def instance(frame: _Frame, answer: instances.Answer) -> bytes:
    """Return the rows of one instance."""
    return _rows(frame, 'instance_id', answer)


def project(frame: _Frame, answer: instances.Answer) -> bytes:
    """Return the rows of one project."""
    return _rows(frame, 'project_id', answer)


def instance_list(frame: _Frame, answers: _Answers) -> bytes:
    """Return one row for each instance."""
    header = ('instance_id', 'project_id', *_TIME, *_QUALITY)
    lines = []
    for each in answers:
        assert each.identity is not None, 'it is an instance'
        line = _line(frame, each.total)
        lines.append([each.id, each.identity.project, *line])
    return energy_csv.lines([header, *lines])


def project_list(frame: _Frame, answers: _Answers) -> bytes:
    """Return one row for each project."""
    header = ('project_id', *_TIME, *_QUALITY)
    return energy_csv.lines(
        [header, *([each.id, *_line(frame, each.total)] for each in answers)]
    )


def host(frame: _Frame, answer: host_days.Answer) -> bytes:
    """Return the rows of a host."""
    uses = [f'{name}_kwh' for name in _USES]
    lines: list[collections.abc.Iterable[object]] = [
        ('host', *_TIME, *uses, *_QUALITY)
    ]
    for each in answer.rows:
        fields = attribution_documents.host_row(frame, each)
        lines.append(
            [
                answer.host,
                *(fields[name] for name in _TIME),
                *(fields[name]['kwh'] for name in _USES),
                *(fields[name] for name in _QUALITY),
            ]
        )
    return energy_csv.lines(lines)


def _rows(frame: _Frame, key: str, answer: instances.Answer) -> bytes:
    header = (key, *_TIME, *_QUALITY)
    return energy_csv.lines(
        [header, *([answer.id, *_line(frame, each)] for each in answer.rows)]
    )


def _line(frame: _Frame, row: instances.Row) -> list[object]:
    fields = attribution_documents.row(frame, row)
    return [fields[name] for name in (*_TIME, *_QUALITY)]
