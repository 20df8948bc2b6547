# SPDX-License-Identifier: Apache-2.0

"""Energy of probes in intervals, as the API reports it."""

import collections.abc
import datetime
import re
import typing
import urllib.parse

from energy_meter import exception
from energy_meter.clients import validation

#: Of the intervals: their length in seconds, or the days or months of a zone.
Step = int | typing.Literal['day', 'month']

_MILLIJOULES = re.compile('-?[0-9]{1,20}')


class Query(typing.NamedTuple):
    """Intervals to be reported.

    :ivar start: the start of the first one, with a zone; by default that of
        the current month.
    :ivar end: the end of the last one, with a zone; now by default.
    :ivar step: of the intervals; by default there is a single one.
    :ivar timezone: IANA name of the zone of days and months; UTC by default.
    :ivar as_of: report what was closed by this time, with a zone.
    """

    start: datetime.datetime | None = None
    end: datetime.datetime | None = None
    step: Step | None = None
    timezone: str | None = None
    as_of: datetime.datetime | None = None

    def parameters(self) -> dict[str, str]:
        """Return the parameters of the request."""
        return {
            name: _text(value)
            for name, value in self._asdict().items()
            if value is not None
        }


class Interval(typing.NamedTuple):
    """Energy in an interval.

    :ivar start: part of the interval.
    :ivar end: not part of it.
    :ivar kwh: energy.
    :ivar millijoules: the same energy, exactly.
    :ivar coverage: share of the time for which the energy is known, 0 to 1.
    :ivar uncertain_kwh: bound of the error of the energy, as far as marks
        are missing.
    :ivar quality: measured, estimated, partial or missing.
    :ivar clock: what was wrong with the clocks of agents.
    :ivar state: closed if it is final, else open.
    :ivar version: of the closed days, 1 unless they were corrected; None if
        the interval is open.
    """

    start: datetime.datetime
    end: datetime.datetime
    kwh: float
    millijoules: int
    coverage: float
    uncertain_kwh: float
    quality: str
    clock: tuple[str, ...]
    state: str
    version: int | None


class ProbeEnergy(typing.NamedTuple):
    """Energy of a probe.

    :ivar kwh_ahead: what the probe shows in excess of its energy.
    :ivar total: over all intervals.
    """

    probe_id: str
    host: str | None
    scope: str | None
    project_id: str | None
    kwh_ahead: float
    total: Interval
    intervals: list[Interval]


class Page(typing.NamedTuple):
    """Part of a response.

    :ivar start: of the first interval.
    :ivar end: of the last interval.
    :ivar final_until: time before which all intervals of its probes are
        closed; None if none is.
    :ivar total: over all probes and intervals; None if other pages have more
        probes.
    :ivar probes: their energy, in the intervals of this page.
    :ivar next_query: query of the next page; None if this is the last one.
    """

    start: datetime.datetime
    end: datetime.datetime
    final_until: datetime.datetime | None
    total: Interval | None
    probes: list[ProbeEnergy]
    next_query: str | None


_Body = dict[str, typing.Any]


def pages(
    get: collections.abc.Callable[[str], tuple[str, _Body]],
    path: str,
    parameters: dict[str, str],
) -> collections.abc.Iterator[Page]:
    """Yield the pages of a response; request each when it is needed.

    Of the URL of the next page only the query is used: a proxy may have
    changed the rest, and the token must not be sent to another host.

    :param get: returns the URL and the JSON object of a path with a query.
    :raises energy_meter.exception.InvalidResponse: if a response is not a
        page.
    """
    query: str | None = urllib.parse.urlencode(parameters)
    requested = set()
    while query is not None:
        requested.add(query)
        url, body = get(f'{path}?{query}')
        page = _page(url, body)
        yield page
        query = page.next_query
        if query in requested:
            raise exception.InvalidResponse(
                url=url, reason='the next page is an earlier one'
            )


def _page(url: str, body: _Body) -> Page:
    values = _values(url, 'the response', body, _PAGE_FIELDS)
    probes = (
        [body]
        if 'probe_id' in body
        else validation.member(url, body, 'probes', list)
    )
    total = body.get('total')
    return Page(
        next_query=values.pop('next'),
        **values,
        total=None if total is None else _interval(url, 'the total', total),
        probes=[_probe(url, fields) for fields in probes],
    )


def _probe(url: str, fields: object) -> ProbeEnergy:
    values = _values(url, 'a probe', fields, _PROBE_FIELDS)
    owner = f'probe "{values["probe_id"]}"'
    body = typing.cast(_Body, fields)
    return ProbeEnergy(
        **values,
        total=_interval(url, f'the total of {owner}', body.get('total')),
        intervals=[
            _interval(url, f'an interval of {owner}', interval)
            for interval in validation.member(url, body, 'intervals', list)
        ],
    )


def _interval(url: str, owner: str, fields: object) -> Interval:
    return Interval(**_values(url, owner, fields, _INTERVAL_FIELDS))


_Convert = collections.abc.Callable[[typing.Any], object]


def _values(
    url: str, owner: str, fields: object, conversions: dict[str, _Convert]
) -> dict[str, typing.Any]:
    """Return the validated values of the fields of a JSON object."""
    if not isinstance(fields, dict):
        raise exception.InvalidResponse(
            url=url, reason=f'{owner} is missing or not an object'
        )
    values = {}
    for name, convert in conversions.items():
        try:
            values[name] = convert(fields.get(name))
        except ValueError:
            raise exception.InvalidResponse(
                url=url,
                reason=f'invalid "{name}" of {owner}: '
                f'{validation.one_line(repr(fields.get(name)))}',
            )
    return values


def _text(value: object) -> str:
    if isinstance(value, datetime.datetime):
        return value.astimezone(datetime.UTC).isoformat()
    return str(value)


def _checked(
    is_valid: collections.abc.Callable[[typing.Any], bool],
) -> _Convert:
    """Return a function that returns a valid value as it is."""

    def convert(value: object) -> object:
        if not is_valid(value):
            raise ValueError
        return value

    return convert


def _optional(convert: _Convert) -> _Convert:
    return lambda value: None if value is None else convert(value)


def _date(value: object) -> datetime.datetime:
    if not isinstance(value, str):
        raise ValueError
    date = datetime.datetime.fromisoformat(value)
    if date.tzinfo is None:
        raise ValueError
    try:
        return date.astimezone(datetime.UTC)
    except OverflowError:
        raise ValueError


def _millijoules(value: object) -> int:
    # A string: JSON's numbers are exact up to 2**53 only.
    if not isinstance(value, str) or not _MILLIJOULES.fullmatch(value):
        raise ValueError
    return int(value)


def _clock(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(map(validation.is_text, value)):
        raise ValueError
    return tuple(value)


def _query(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError
    return urllib.parse.urlsplit(value).query


_number = _checked(validation.is_number)
_name = _checked(validation.is_text)

_INTERVAL_FIELDS: dict[str, _Convert] = {
    'start': _date,
    'end': _date,
    'kwh': _number,
    'millijoules': _millijoules,
    'coverage': _number,
    'uncertain_kwh': _number,
    'quality': _name,
    'clock': _clock,
    'state': _name,
    'version': _optional(_checked(lambda value: type(value) is int)),
}
_PROBE_FIELDS: dict[str, _Convert] = {
    'probe_id': _name,
    'host': _optional(_name),
    'scope': _optional(_name),
    'project_id': _optional(_name),
    'kwh_ahead': _number,
}
_PAGE_FIELDS: dict[str, _Convert] = {
    'start': _date,
    'end': _date,
    'final_until': _optional(_date),
    'next': _optional(_query),
}
