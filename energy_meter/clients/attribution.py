# SPDX-License-Identifier: Apache-2.0

"""Energy of instances, projects and hosts, as the API reports it."""

import collections.abc
import functools
import typing
import urllib.parse

from energy_meter import exception
from energy_meter.clients import api
from energy_meter.clients import attributed
from energy_meter.clients import responses
from energy_meter.clients import usage
from energy_meter.clients import validation

#: What the API reports by default: the days of this month that are over.
_DEFAULT = usage.Query()


def instances(
    client: api.Client, query: usage.Query = _DEFAULT, **filters: str
) -> collections.abc.Iterator[attributed.Page[attributed.Instance]]:
    """Yield instances, in pages that are requested late.

    :param filters: the ``project_id`` and the ``host`` of the instances.
    """
    return responses.pages(
        client.get, 'v1/instances', query.parameters() | filters, _instances
    )


def instance(
    client: api.Client, uuid: str, query: usage.Query = _DEFAULT
) -> collections.abc.Iterator[attributed.Page[attributed.Instance]]:
    """Yield the energy of an instance, in pages that are requested late.

    :raises energy_meter.exception.InstanceNotFound: if it is unknown, or
        another project's.
    """
    try:
        yield from responses.pages(
            client.get,
            _path('instances', uuid),
            query.parameters(),
            functools.partial(_one, parse=_instance),
        )
    except api.NotFound:
        raise exception.InstanceNotFound(instance=uuid)


def projects(
    client: api.Client, query: usage.Query = _DEFAULT
) -> collections.abc.Iterator[attributed.Page[attributed.Project]]:
    """Yield projects, in pages that are requested late."""
    return responses.pages(
        client.get, 'v1/projects', query.parameters(), _projects
    )


def project(
    client: api.Client, project_id: str, query: usage.Query = _DEFAULT
) -> collections.abc.Iterator[attributed.Page[attributed.Project]]:
    """Yield the energy of a project, in pages that are requested late."""
    return responses.pages(
        client.get,
        _path('projects', project_id),
        query.parameters(),
        functools.partial(_one, parse=_project),
    )


def host(
    client: api.Client, name: str, query: usage.Query = _DEFAULT
) -> collections.abc.Iterator[attributed.Page[attributed.Host]]:
    """Yield the energy of a host, in pages that are requested late.

    :raises energy_meter.exception.HostNotFound: if its instances are not
        known in the period.
    """
    try:
        yield from responses.pages(
            client.get,
            _path('hosts', name),
            query.parameters(),
            functools.partial(_one, parse=_host),
        )
    except api.NotFound:
        raise exception.HostNotFound(host=name)


def _path(kind: str, name: str) -> str:
    return f'v1/{kind}/{urllib.parse.quote(name, safe="")}/energy'


_Parse = collections.abc.Callable[[str, object], attributed.Member]


def _instances(
    url: str, body: responses.Body
) -> attributed.Page[attributed.Instance]:
    return _list(url, body, 'instances', _instance)


def _projects(
    url: str, body: responses.Body
) -> attributed.Page[attributed.Project]:
    return _list(url, body, 'projects', _project)


def _list(
    url: str, body: responses.Body, name: str, parse: _Parse[attributed.Member]
) -> attributed.Page[attributed.Member]:
    members = validation.member(url, body, name, list)
    total = body.get('total')
    return _page(
        url,
        body,
        None if total is None else _row(url, total),
        [parse(url, fields) for fields in members],
    )


def _one(
    url: str, body: responses.Body, parse: _Parse[attributed.Member]
) -> attributed.Page[attributed.Member]:
    member = parse(url, body)
    return _page(url, body, member.total, [member])


def _page(
    url: str,
    body: responses.Body,
    total: attributed.Row | attributed.HostRow | None,
    members: list[attributed.Member],
) -> attributed.Page[attributed.Member]:
    values = responses.values(url, 'the response', body, _PAGE)
    following = values.pop('next')
    return attributed.Page(
        **values, total=total, members=members, next_query=following
    )


def _instance(url: str, fields: object) -> attributed.Instance:
    values = responses.values(url, 'an instance', fields, _INSTANCE)
    return attributed.Instance(**values, **_energy(url, fields, _row))


def _project(url: str, fields: object) -> attributed.Project:
    values = responses.values(url, 'a project', fields, _PROJECT)
    return attributed.Project(**values, **_energy(url, fields, _row))


def _host(url: str, fields: object) -> attributed.Host:
    values = responses.values(url, 'the host', fields, _HOST)
    body = typing.cast(responses.Body, fields)
    return attributed.Host(
        **values,
        **_energy(url, fields, _host_row),
        idle_power=[
            attributed.IdlePower(
                **responses.values(url, 'idle power', each, _IDLE)
            )
            for each in validation.member(url, body, 'idle_power', list)
        ],
        instances=[
            _host_instance(url, each)
            for each in validation.member(url, body, 'instances', list)
        ],
    )


def _host_instance(url: str, fields: object) -> attributed.HostInstance:
    values = responses.values(url, 'an instance', fields, _HOST_INSTANCE)
    body = typing.cast(responses.Body, fields)
    return attributed.HostInstance(
        **values, total=_row(url, body.get('total'))
    )


def _energy(
    url: str,
    fields: object,
    parse: collections.abc.Callable[[str, object], typing.Any],
) -> dict[str, typing.Any]:
    body = typing.cast(responses.Body, fields)
    intervals = body.get('intervals', [])
    if not isinstance(intervals, list):
        raise exception.InvalidResponse(
            url=url, reason='"intervals" is not a list'
        )
    return {
        'total': parse(url, body.get('total')),
        'intervals': [parse(url, each) for each in intervals],
    }


def _row(url: str, fields: object) -> attributed.Row:
    return attributed.Row(**responses.values(url, 'a row', fields, _ROW))


def _host_row(url: str, fields: object) -> attributed.HostRow:
    return attributed.HostRow(
        **responses.values(url, 'a row', fields, _HOST_ROW)
    )


def _methods(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise ValueError
    return tuple(map(_method, value))


def _method(value: object) -> str:
    match value:
        case {'name': str(name), 'version': int(version)}:
            return f'{responses.name(name)}, version {version}'
    raise ValueError


def _amounts(value: object) -> list[int]:
    if not isinstance(value, list):
        raise ValueError
    return [*map(responses.millijoules, value)]


def _use(value: object) -> float:
    if not isinstance(value, dict):
        raise ValueError
    kwh: float = responses.number(value.get('kwh'))
    return kwh


_PERIOD: dict[str, responses.Convert] = {
    'start': responses.date,
    'end': responses.date,
}
_PAGE = _PERIOD | {
    'methods': _methods,
    'next': responses.optional(responses.query),
}
_COMMON = _PERIOD | {
    'kwh': responses.number,
    'millijoules': responses.millijoules,
    'coverage': responses.number,
    'uncertain_kwh': responses.number,
    'quality': responses.name,
    'state': responses.name,
    'version': responses.optional(responses.integer),
}
_ROW = _COMMON | dict.fromkeys(
    ('idle_kwh', 'device_kwh'), responses.optional(responses.number)
)
_HOST_ROW = _COMMON | dict.fromkeys(
    (
        'idle',
        'dynamic',
        'devices',
        'instances',
        'overhead',
        'unallocated',
        'unattributed',
    ),
    _use,
)
_IDENTITY: dict[str, responses.Convert] = dict.fromkeys(
    ('instance_id', 'name', 'project_id', 'user_id'), responses.name
) | {'project_name': responses.text}
_INSTANCE = _IDENTITY | {
    'host_ids': responses.names,
    'hosts': responses.optional(responses.names),
    'scopes': responses.names,
}
_HOST_INSTANCE = _IDENTITY | {'millijoules': _amounts}
_PROJECT: dict[str, responses.Convert] = {
    'project_id': responses.name,
    'project_name': responses.text,
    'instances': responses.integer,
    'scopes': responses.names,
}
_HOST: dict[str, responses.Convert] = {
    'host': responses.name,
    'scopes': responses.names,
    'threads': responses.integer,
    'memory': responses.integer,
}
_IDLE: dict[str, responses.Convert] = {
    'since': responses.date,
    'watts': responses.number,
    'source': responses.name,
}
