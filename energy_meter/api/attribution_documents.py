# SPDX-License-Identifier: Apache-2.0

"""JSON documents of the energy of instances, projects and hosts."""

import collections.abc
import hashlib
import itertools
import typing

from energy_meter.api import energy_documents
from energy_meter.api import periods
from energy_meter.api import views
from energy_meter.db import attributed_days
from energy_meter.db import closed_days
from energy_meter.db import host_days
from energy_meter.db import instances
from energy_meter.db import probes

Document = dict[str, typing.Any]
_Answers = collections.abc.Sequence[instances.Answer]


class Frame(typing.NamedTuple):
    """What all documents of one response have in common.

    :ivar closed_until: date before which rows without open days are closed.
    :ivar following: URL of the next response; None if this is the last.
    """

    request: periods.Request
    view: views.View
    closed_until: int
    following: str | None


def instance(frame: Frame, answer: instances.Answer) -> Document:
    """Return the document of one instance."""
    return {
        **_instance(frame, answer),
        **energy_documents.head(frame.request),
        **_body(frame, answer),
    }


def project(frame: Frame, answer: instances.Answer) -> Document:
    """Return the document of one project."""
    return {
        **_project(answer),
        **energy_documents.head(frame.request),
        **_body(frame, answer),
    }


def instance_list(frame: Frame, answers: _Answers, has_all: bool) -> Document:
    """Return the document of many instances.

    :param has_all: whether it has a total, as it contains all of them.
    """
    members = [
        {**_instance(frame, each), 'total': row(frame, each.total)}
        for each in answers
    ]
    return _listing(frame, 'instances', members, answers, has_all)


def project_list(frame: Frame, answers: _Answers, has_all: bool) -> Document:
    """Return the document of many projects."""
    members = [
        {**_project(each), 'total': row(frame, each.total)} for each in answers
    ]
    return _listing(frame, 'projects', members, answers, has_all)


def host(frame: Frame, answer: host_days.Answer) -> Document:
    """Return the document of a host."""
    last = answer.headers[-1]
    return {
        'host': answer.host,
        'scopes': sorted({each.scope for each in answer.headers}),
        'threads': last.threads,
        'memory': last.memory,
        'idle_power': _idle_power(answer.headers),
        **energy_documents.head(frame.request),
        'methods': _methods(
            instances.Method(each.method, each.method_version)
            for each in answer.headers
        ),
        'total': host_row(frame, answer.total),
        'intervals': [host_row(frame, each) for each in answer.rows],
        'instances': [
            _member(frame, each, answer.total) for each in answer.members
        ],
        'next': frame.following,
    }


def row(frame: Frame, row: instances.Row) -> Document:
    """Return the fields of one row of an instance or a project."""
    part = row.part
    millijoules = part.millijoules
    fields = {
        'start': energy_documents.iso(row.start),
        'end': energy_documents.iso(row.until),
        'kwh': _kwh(millijoules),
        'millijoules': str(millijoules),
        'coverage': part.coverage,
        'uncertain_kwh': _kwh(part.uncertain),
        'quality': part.quality,
        **_state(
            row.is_closed and row.until <= frame.closed_until, row.version
        ),
    }
    if frame.view.is_site:
        fields['idle_kwh'] = _kwh(part.idle)
        fields['device_kwh'] = _kwh(part.device)
    return fields


def host_row(frame: Frame, row: host_days.Row) -> Document:
    """Return the fields of one row of a host."""
    return {
        'start': energy_documents.iso(row.start),
        'end': energy_documents.iso(row.until),
        **_amount(row.millijoules),
        'coverage': row.coverage,
        'uncertain_kwh': _kwh(row.uncertain),
        'quality': row.quality,
        'clock': energy_documents.clock(row.clock),
        **_state(
            row.is_closed and row.until <= frame.closed_until, row.version
        ),
        'idle': _amount(row.idle),
        'dynamic': _amount(row.dynamic),
        'devices': _amount(row.devices),
        'instances': _amount(row.instances),
        'overhead': _amount(row.overhead),
        'unallocated': _amount(row.unallocated),
        'unattributed': _amount(row.unattributed),
    }


def _body(frame: Frame, answer: instances.Answer) -> Document:
    return {
        'methods': _methods(answer.methods),
        'total': row(frame, answer.total),
        'intervals': [row(frame, each) for each in answer.rows],
        'next': frame.following,
    }


def _listing(
    frame: Frame,
    name: str,
    members: list[Document],
    answers: _Answers,
    has_all: bool,
) -> Document:
    methods = itertools.chain.from_iterable(each.methods for each in answers)
    total = None
    if has_all:
        rows = [each.total for each in answers]
        request = frame.request
        total = row(frame, instances.add(request.start, request.end, rows))
    return {
        **energy_documents.head(frame.request),
        'methods': _methods(methods),
        name: members,
        'total': total,
        'next': frame.following,
    }


def _instance(frame: Frame, answer: instances.Answer) -> Document:
    assert answer.identity is not None, 'it is an instance'
    project = answer.identity.project
    fields: Document = {
        'instance_id': answer.id,
        'name': answer.identity.name,
        'project_id': project,
        'project_name': answer.project_name,
        'user_id': answer.identity.user,
        'host_ids': [host_id(project, each) for each in answer.hosts],
        'scopes': answer.scopes,
    }
    if frame.view.is_site:
        fields['hosts'] = answer.hosts
    return fields


def _project(answer: instances.Answer) -> Document:
    return {
        'project_id': answer.id,
        'project_name': answer.project_name,
        'instances': len(answer.instances),
        'scopes': answer.scopes,
    }


def host_id(project: str, host: str) -> str:
    """Return the ID by which Nova names a host to a project."""
    return hashlib.sha224(f'{project}{host}'.encode()).hexdigest()


def _idle_power(
    headers: collections.abc.Iterable[attributed_days.Header],
) -> list[Document]:
    """Return the idle powers of days, and from when on they count."""
    found = []
    groups = itertools.groupby(
        headers, key=lambda each: (each.idle_watts, each.idle_source)
    )
    for (watts, source), days in groups:
        since = next(days).day * closed_days.DAY_MS
        found.append(
            {
                'since': energy_documents.iso(since),
                'watts': watts,
                'source': source,
            }
        )
    return found


def _member(
    frame: Frame, member: host_days.Member, total: host_days.Row
) -> Document:
    fields = row(
        frame,
        instances.Row(
            total.start,
            total.until,
            member.total,
            total.is_closed,
            total.version,
        ),
    )
    return {
        'instance_id': member.uuid,
        'name': member.identity.name,
        'project_id': member.identity.project,
        'project_name': member.identity.project_name,
        'user_id': member.identity.user,
        'total': fields,
        'millijoules': [str(each.millijoules) for each in member.rows],
    }


def _methods(
    methods: collections.abc.Iterable[instances.Method],
) -> list[Document]:
    return [each._asdict() for each in sorted({*methods})]


def _state(is_closed: bool, version: int) -> Document:
    return {
        'state': 'closed' if is_closed else 'open',
        'version': version or None if is_closed else None,
    }


def _amount(millijoules: int) -> Document:
    return {'kwh': _kwh(millijoules), 'millijoules': str(millijoules)}


def _kwh(millijoules: int) -> float:
    return millijoules / probes.MILLIJOULES_PER_KWH
