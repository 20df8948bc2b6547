# SPDX-License-Identifier: Apache-2.0

"""Options that select whole days, in which energy is attributed."""

import argparse
import datetime
import zoneinfo

from energy_meter.clients import usage
from energy_meter.osc.v1 import usage_options

_UTC = zoneinfo.ZoneInfo('UTC')
_DAY_S = 86_400
_QUARTER_HOUR_S = 900

HELP = """\
days:
  Energy is attributed by the UTC day, and this month is shown up to the last
  midnight by default. Other periods are extended to whole days; with a --step
  of less than a day, which only operators may choose, to quarter-hours.
"""


def add(parser: argparse.ArgumentParser, has_step: bool) -> None:
    """Add the options.

    :param has_step: whether the intervals can be selected.
    """
    usage_options.add(parser, 'the last midnight', _UTC)
    if has_step:
        usage_options.add_step(parser, 'day')
    else:
        parser.set_defaults(step='none')


def period(parsed_args: argparse.Namespace) -> usage_options.Period:
    """Return the period that the options select.

    :raises osc_lib.exceptions.CommandError: if its start is not before its
        end, or a time does not exist in the zone.
    """
    query, zone = usage_options.period(parsed_args)
    if parsed_args.start is None and parsed_args.end is None:
        # The API knows up to when days are over.
        return usage_options.Period(query._replace(start=None, end=None), zone)
    assert query.start is not None and query.end is not None
    start = _floor(query.start, query.step, zone)
    end = _floor(query.end, query.step, zone)
    if end < query.end:
        # Longer than any day, and shorter than two.
        longest = _QUARTER_HOUR_S if _is_short(query.step) else 1.5 * _DAY_S
        later = end + datetime.timedelta(seconds=longest)
        end = _floor(later, query.step, zone)
    return usage_options.Period(query._replace(start=start, end=end), zone)


def _floor(
    date: datetime.datetime, step: usage.Step | None, zone: zoneinfo.ZoneInfo
) -> datetime.datetime:
    """Return the start of the day or quarter-hour that contains a date."""
    if _is_short(step):
        seconds = int(date.timestamp())
        seconds -= seconds % _QUARTER_HOUR_S
        return datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    local = date.astimezone(zone)
    midnight = datetime.datetime.combine(local, datetime.time(), zone)
    return midnight.astimezone(datetime.UTC)


def _is_short(step: usage.Step | None) -> bool:
    return isinstance(step, int) and step % _DAY_S != 0
