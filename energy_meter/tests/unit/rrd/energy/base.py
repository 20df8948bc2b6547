# SPDX-License-Identifier: Apache-2.0

"""Intervals and pages of energy for tests."""

import datetime

from energy_meter.clients import usage

START = datetime.datetime(2026, 11, 20, tzinfo=datetime.UTC)
HOUR = datetime.timedelta(hours=1)

KWH = 3_600_000_000


def interval(number=0, millijoules=KWH, **fields):
    """Return the hour of a number, closed and measured."""
    return usage.Interval(
        START + number * HOUR,
        START + (number + 1) * HOUR,
        millijoules / KWH,
        millijoules,
        1.0,
        0.0,
        'measured',
        (),
        'closed',
        1,
    )._replace(**fields)


def energy(probe, *intervals):
    """Return the energy of a probe."""
    total = intervals[-1]._replace(
        start=intervals[0].start,
        millijoules=sum(row.millijoules for row in intervals),
        kwh=sum(row.kwh for row in intervals),
    )
    return usage.ProbeEnergy(probe, None, None, None, 0.0, total, [*intervals])


def page(*probes, next_query=None, final_until=START):
    """Return a page."""
    total = probes[0].total if probes else interval()
    return usage.Page(
        total.start, total.end, final_until, total, [*probes], next_query
    )
