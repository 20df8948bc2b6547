# SPDX-License-Identifier: Apache-2.0

"""JSON documents of energy."""

import collections.abc
import datetime
import functools
import typing

import orjson

from energy_meter.api import periods
from energy_meter.billing import profile
from energy_meter.db import energies
from energy_meter.db import probes
from energy_meter.db import splicing

_EPOCH = datetime.datetime.fromtimestamp(0, datetime.UTC)


# A row ends when the next one starts, and many probes have the same rows.
@functools.lru_cache(maxsize=8192)
def iso(date: int | None) -> str | None:
    """Return a date in ms as RFC 3339 text; None if there is none."""
    if date is None:
        return None
    moment = _EPOCH + datetime.timedelta(milliseconds=date)
    unit = 'milliseconds' if date % 1000 else 'seconds'
    return moment.isoformat(timespec=unit).replace('+00:00', 'Z')


@functools.cache
def clock(clock: profile.Clock) -> tuple[str, ...]:
    """Return the names of clocks that were corrected."""
    return tuple(each.name.lower() for each in clock if each.name)


def row(row: splicing.Row) -> dict[str, typing.Any]:
    """Return the fields of one row."""
    interval = row.interval
    # The property ``quality`` would compute it once more.
    coverage = interval.coverage
    return {
        'start': iso(interval.start),
        'end': iso(interval.until),
        'kwh': interval.millijoules / probes.MILLIJOULES_PER_KWH,
        'millijoules': str(interval.millijoules),
        'coverage': coverage,
        'uncertain_kwh': interval.uncertain / probes.MILLIJOULES_PER_KWH,
        'quality': profile.quality(
            coverage, interval.uncertain, interval.millijoules
        ),
        'clock': clock(interval.clock),
        'state': 'closed' if row.is_closed else 'open',
        'version': row.version,
    }


def probe(
    request: periods.Request, answer: energies.Answer, following: str | None
) -> bytes:
    """Return the document of one probe or sum.

    :param following: URL of the next rows; None if these are the last.
    """
    return orjson.dumps(
        {
            'probe_id': answer.subject.id,
            **head(request),
            'final_until': iso(answer.final_until),
            'kwh_ahead': answer.ahead / probes.MILLIJOULES_PER_KWH,
            'total': row(answer.total),
            'intervals': [row(each) for each in answer.rows],
            'next': following,
        }
    )


def listing(
    request: periods.Request,
    answers: collections.abc.Iterable[energies.Answer],
    following: str | None,
    has_all: bool,
) -> collections.abc.Iterator[bytes]:
    """Yield the document of many probes, piece by piece.

    It is only complete with its last piece.

    :param has_all: whether it has a total, as it contains all probes. An
        invoice with the total of some of them would be wrong.
    """
    yield orjson.dumps(head(request))[:-1] + b',"probes":['
    totals = []
    final = []
    ahead = 0
    separator = b''
    for each in answers:
        totals.append(each.total)
        final.append(each.final_until)
        ahead += each.ahead
        yield separator + orjson.dumps(_member(each))
        separator = b','
    end = {
        'final_until': iso(energies.least(final, request.end)),
        'kwh_ahead': ahead / probes.MILLIJOULES_PER_KWH,
        'total': row(energies.add(totals, request.start, request.end))
        if has_all
        else None,
        'next': following,
    }
    yield b'],' + orjson.dumps(end)[1:]


def head(request: periods.Request) -> dict[str, typing.Any]:
    """Return the fields of a period."""
    return {
        'start': iso(request.start),
        'end': iso(request.end),
        'step': request.step,
        'timezone': request.timezone.key,
        'as_of': iso(request.as_of),
    }


def _member(answer: energies.Answer) -> dict[str, typing.Any]:
    subject = answer.subject
    return {
        'probe_id': subject.id,
        'host': subject.host,
        'scope': subject.scope,
        'project_id': subject.project,
        'final_until': iso(answer.final_until),
        'kwh_ahead': answer.ahead / probes.MILLIJOULES_PER_KWH,
        'total': row(answer.total),
        'intervals': [row(each) for each in answer.rows],
    }
