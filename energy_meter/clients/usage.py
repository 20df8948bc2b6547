# SPDX-License-Identifier: Apache-2.0

"""Energy of probes in intervals, as the API reports it."""

import datetime
import typing

from energy_meter.clients import responses
from energy_meter.clients import validation

#: Of the intervals: their length in seconds, or the days or months of a zone.
Step = int | typing.Literal['day', 'month']


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


def page(url: str, body: responses.Body) -> Page:
    """Return the content of a response.

    :raises energy_meter.exception.InvalidResponse: if it is not a page.
    """
    values = responses.values(url, 'the response', body, _PAGE_FIELDS)
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
    values = responses.values(url, 'a probe', fields, _PROBE_FIELDS)
    owner = f'probe "{values["probe_id"]}"'
    body = typing.cast(responses.Body, fields)
    return ProbeEnergy(
        **values,
        total=_interval(url, f'the total of {owner}', body.get('total')),
        intervals=[
            _interval(url, f'an interval of {owner}', interval)
            for interval in validation.member(url, body, 'intervals', list)
        ],
    )


def _interval(url: str, owner: str, fields: object) -> Interval:
    return Interval(**responses.values(url, owner, fields, _INTERVAL_FIELDS))


def _text(value: object) -> str:
    if isinstance(value, datetime.datetime):
        return value.astimezone(datetime.UTC).isoformat()
    return str(value)


_INTERVAL_FIELDS: dict[str, responses.Convert] = {
    'start': responses.date,
    'end': responses.date,
    'kwh': responses.number,
    'millijoules': responses.millijoules,
    'coverage': responses.number,
    'uncertain_kwh': responses.number,
    'quality': responses.name,
    'clock': responses.names,
    'state': responses.name,
    'version': responses.optional(responses.integer),
}
_PROBE_FIELDS: dict[str, responses.Convert] = {
    'probe_id': responses.name,
    'host': responses.optional(responses.name),
    'scope': responses.optional(responses.name),
    'project_id': responses.optional(responses.name),
    'kwh_ahead': responses.number,
}
_PAGE_FIELDS: dict[str, responses.Convert] = {
    'start': responses.date,
    'end': responses.date,
    'final_until': responses.optional(responses.date),
    'next': responses.optional(responses.query),
}
