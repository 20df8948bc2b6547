# SPDX-License-Identifier: Apache-2.0

"""Documents with the energy of probes, as the API returns them."""

import datetime
import typing

HOUR = datetime.timedelta(hours=1)
DAY = datetime.timedelta(days=1)


def utc(*fields: int) -> datetime.datetime:
    """Return a time in UTC."""
    return datetime.datetime(*fields, tzinfo=datetime.UTC)


def interval(
    start: datetime.datetime,
    end: datetime.datetime,
    millijoules: int,
    **fields: typing.Any,
) -> dict[str, typing.Any]:
    """Return a closed and measured interval, with fields that differ."""
    return {
        'start': rfc3339(start),
        'end': rfc3339(end),
        'kwh': millijoules / 3.6e9,
        'millijoules': str(millijoules),
        'coverage': 1.0,
        'uncertain_kwh': 0.0,
        'quality': 'measured',
        'clock': [],
        'state': 'closed',
        'version': 1,
        **fields,
    }


def probe(
    probe_id: str, intervals: list[dict[str, typing.Any]]
) -> dict[str, typing.Any]:
    """Return a probe of a listing."""
    return {
        'probe_id': probe_id,
        'host': f'host-{probe_id}',
        'scope': 'node',
        'project_id': None,
        'kwh_ahead': 0.0,
        'total': total(intervals),
        'intervals': intervals,
    }


def listing(
    probes: list[dict[str, typing.Any]], **fields: typing.Any
) -> dict[str, typing.Any]:
    """Return the response for many probes, with fields that differ."""
    intervals = [row for member in probes for row in member['intervals']]
    return {
        **_head(intervals),
        'total': total(intervals),
        'probes': probes,
        **fields,
    }


def document(
    probe_id: str,
    intervals: list[dict[str, typing.Any]],
    **fields: typing.Any,
) -> dict[str, typing.Any]:
    """Return the response for one probe, with fields that differ."""
    return {
        **_head(intervals),
        'probe_id': probe_id,
        'kwh_ahead': 0.0,
        'total': total(intervals),
        'intervals': intervals,
        **fields,
    }


def total(intervals: list[dict[str, typing.Any]]) -> dict[str, typing.Any]:
    """Return a row for all intervals."""
    return {
        **intervals[-1],
        'start': intervals[0]['start'],
        'kwh': sum(row['kwh'] for row in intervals),
        'millijoules': str(sum(int(row['millijoules']) for row in intervals)),
    }


def rfc3339(time: datetime.datetime) -> str:
    """Return a time as the API writes it."""
    return f'{time.astimezone(datetime.UTC):%Y-%m-%dT%H:%M:%SZ}'


def _head(intervals: list[dict[str, typing.Any]]) -> dict[str, typing.Any]:
    return {
        'start': intervals[0]['start'],
        'end': intervals[-1]['end'],
        'step': None,
        'timezone': 'UTC',
        'as_of': None,
        'final_until': intervals[-1]['end'],
        'next': None,
    }
