# SPDX-License-Identifier: Apache-2.0

"""Options that select a period and its intervals."""

import argparse
import datetime
import re
import typing
import zoneinfo

from osc_lib import exceptions

from energy_meter.clients import usage
from energy_meter.osc.v1 import times
from energy_meter.osc.v1 import zones

#: Steps, with the length of the longest period for which each is the default.
_STEPS: list[tuple[datetime.timedelta, usage.Step]] = [
    (datetime.timedelta(days=2, hours=1), 3600),
    (datetime.timedelta(days=62, hours=1), 'day'),
    (datetime.timedelta.max, 'month'),
]
#: The API accepts multiples of this number of seconds.
_STEP_UNIT_S = 60

HELP = """\
times:
  now, today, yesterday, "this week", "last month", "this year"
  2026-03-05 (a day), 2026-03 (a month), 2026 (a year)
  -3d, "3 days ago" (also min, h, w, months and years)
  2026-03-05T08:00, 2026-03-05T08:00+01:00

  A word or a date is a whole period: --start means its start, and --end its
  end or now. With --start alone, the whole of it is shown. Weeks begin on
  Monday. The zone is the local one or --timezone.
"""


class Period(typing.NamedTuple):
    """What is shown.

    :ivar query: for the API.
    :ivar zone: in which times are shown.
    """

    query: usage.Query
    zone: zoneinfo.ZoneInfo


def add(
    parser: argparse.ArgumentParser,
    end: str = 'now',
    zone: zoneinfo.ZoneInfo | None = None,
) -> None:
    """Add the options that select the period.

    :param end: what the period ends with by default.
    :param zone: by default, the local one.
    """
    for name, text in (
        (
            'start',
            'Start of the period (default: that of the month of the end)',
        ),
        (
            'end',
            f'End of the period, not part of it (default: {end}, or the end '
            'of the period that --start names)',
        ),
        ('as-of', 'Show what was closed by this time; it never changes'),
    ):
        parser.add_argument(
            f'--{name}', metavar='<time>', type=times.parse, help=text
        )
    parser.add_argument(
        '--timezone',
        metavar='<zone>',
        type=zones.parse,
        default=zone,
        help='Time zone of times, days and months, such as Europe/Paris '
        f'(default: {zone.key if zone else "the local one"})',
    )
    # Otherwise "--start -3d" is an error: -3d would be an option.
    parser._negative_number_matcher = re.compile(r'-\d+.*')


def add_step(parser: argparse.ArgumentParser, default: str | None) -> None:
    """Add the option that selects the intervals.

    :param default: None for one that fits the period.
    """
    parser.add_argument(
        '--step',
        metavar='<step>',
        type=_parse_step,
        default=default,
        help='Length of the intervals: hour, day, month, a multiple of 60 '
        'seconds such as 900, 15min or 6h, or none for a single one (default: '
        f'{default or "hour, day or month, depending on the period"})',
    )


def period(parsed_args: argparse.Namespace) -> Period:
    """Return the period that the options select.

    :raises osc_lib.exceptions.CommandError: if its start is not before its
        end, or a time does not exist in the zone.
    """
    zone = parsed_args.timezone or zones.local()
    now = times.now(zone)
    start = _resolve('start', parsed_args.start, now)
    end = _resolve('end', parsed_args.end, now)
    as_of = _resolve('as-of', parsed_args.as_of, now)
    try:
        span = times.span(start, end, now)
    except ValueError as error:
        raise exceptions.CommandError(f'--start: {error}')
    step = parsed_args.step or next(
        step for length, step in _STEPS if span.end - span.start <= length
    )
    return Period(
        usage.Query(
            span.start,
            span.end,
            None if step == 'none' else step,
            zone.key,
            as_of and min(as_of.end, now),
        ),
        zone,
    )


def _resolve(
    option: str,
    expression: times.Expression | None,
    now: datetime.datetime,
) -> times.Period | None:
    if expression is None:
        return None
    try:
        return expression.resolve(now)
    except (ValueError, OverflowError) as error:
        raise exceptions.CommandError(
            f'--{option}: {expression.text!r} {error}'
        )


def _parse_step(text: str) -> int | str:
    if text in ('day', 'month', 'none'):
        return text
    seconds = 3600 if text == 'hour' else times.parse_seconds(text)
    if not seconds or seconds % _STEP_UNIT_S:
        raise argparse.ArgumentTypeError(
            f'{text!r}: expected hour, day, month, none, or a multiple of '
            f'{_STEP_UNIT_S} seconds such as 900, 15min or 6h'
        )
    return seconds
