# SPDX-License-Identifier: Apache-2.0

"""Tables of energy by probe and interval."""

import argparse
import collections.abc
import datetime
import functools
import statistics
import typing
import zoneinfo

from cliff.formatters import base

from energy_meter.clients import usage
from energy_meter.osc.v1 import bars
from energy_meter.osc.v1 import columns
from energy_meter.osc.v1 import usage_options

_OfProbe = collections.abc.Callable[[usage.ProbeEnergy], object]
_OfInterval = collections.abc.Callable[[usage.Interval], object]

#: Functions that return the value of a column, by its title.
_PROBE: dict[str, _OfProbe] = {
    'Probe': lambda probe: probe.probe_id,
    'Host': lambda probe: probe.host,
    'Scope': lambda probe: probe.scope,
}
_LONG_PROBE: dict[str, _OfProbe] = _PROBE | {
    'Project ID': lambda probe: probe.project_id,
}
_ENERGY: dict[str, _OfInterval] = {
    'Energy (kWh)': lambda interval: columns.AlignedKilowattHours(
        interval.kwh
    ),
}
_QUALITY: dict[str, _OfInterval] = {
    'Quality': lambda interval: interval.quality,
    'State': lambda interval: interval.state,
}
_LONG_QUALITY: dict[str, _OfInterval] = _QUALITY | {
    'Version': lambda interval: interval.version,
    'Coverage': lambda interval: columns.Percentage(interval.coverage),
    'Uncertain (kWh)': lambda interval: columns.KilowattHours(
        interval.uncertain_kwh
    ),
    'Clock': lambda interval: ' '.join(interval.clock),
    'Millijoules': lambda interval: interval.millijoules,
}


class Row(typing.NamedTuple):
    """Energy of a probe in an interval."""

    probe: usage.ProbeEnergy
    interval: usage.Interval


def rows(
    pages: collections.abc.Iterable[usage.Page],
) -> collections.abc.Iterator[Row]:
    """Yield the intervals of all probes."""
    for page in pages:
        for probe in page.probes:
            for interval in probe.intervals:
                yield Row(probe, interval)


def total(pages: list[usage.Page]) -> usage.Interval:
    """Return the total over all pages.

    Its quality is empty if that of the probes differs: the API has the rules
    for it, but not the total of several pages.
    """
    if pages[0].total is not None:
        return pages[0].total
    # By probe: the intervals of one may be on several pages.
    totals = {
        probe.probe_id: probe.total for page in pages for probe in page.probes
    }
    return functools.reduce(_add, totals.values())._replace(
        coverage=statistics.fmean(each.coverage for each in totals.values())
    )


def _add(one: usage.Interval, other: usage.Interval) -> usage.Interval:
    """Return the sum of two probes in the same interval."""
    versions = (one.version, other.version)
    return one._replace(
        kwh=one.kwh + other.kwh,
        millijoules=one.millijoules + other.millijoules,
        uncertain_kwh=one.uncertain_kwh + other.uncertain_kwh,
        quality=one.quality if one.quality == other.quality else '',
        clock=tuple(sorted({*one.clock, *other.clock})),
        state='closed' if one.state == other.state == 'closed' else 'open',
        version=None if None in versions else max(filter(None, versions)),
    )


def notes(
    pages: list[usage.Page], period: usage_options.Period
) -> collections.abc.Iterator[str]:
    """Yield notes: the period, and up to when its energy is final."""
    first, query = pages[0], period.query

    def show(time: datetime.datetime) -> str:
        return columns.Time(time, period.zone).human_readable()

    yield (
        f'From {show(first.start)} to {show(first.end)} ({period.zone.key})'
    )
    if query.as_of is not None:
        yield f'As known at {show(query.as_of)}.'
        return
    final = [page.final_until or first.start for page in pages]
    until = min(final)
    if until <= first.start:
        yield 'Nothing of it is closed yet: the energy may still change.'
    elif until < first.end:
        yield (
            f'Invoice up to {show(until)}: what follows is open and may still '
            'change.'
        )
    else:
        yield f'Invoice up to {show(until)}: all of it is closed.'


class Layout:
    """Columns of a table.

    :param zone: of the times.
    :param step: of the intervals; None if there is one for each probe.
    :param is_list: whether there are several probes.
    :param is_long: whether there are additional columns.
    """

    def __init__(
        self,
        zone: zoneinfo.ZoneInfo,
        step: usage.Step | None,
        is_list: bool,
        is_long: bool,
    ) -> None:
        self._of_probe: dict[str, _OfProbe] = {}
        if is_list:
            self._of_probe = _LONG_PROBE if is_long else _PROBE
        self._dates: dict[str, _OfInterval] = {}
        if is_long or step is not None or not is_list:
            self._dates['Start'] = lambda interval: columns.Time(
                interval.start, zone, step
            )
        if is_long:
            self._dates['End'] = lambda interval: columns.Time(
                interval.end, zone
            )
        self._bar: dict[str, _OfInterval] = {}
        self._quality = _LONG_QUALITY if is_long else _QUALITY

    def titles(self) -> list[str]:
        """Return the titles of the columns."""
        return [*self._of_probe, *self._of_interval()]

    def add_bars(self, rows: list[Row], draw: bars.Draw) -> None:
        """Add a column with bars; the longest is that of the most energy."""
        most = max((row.interval.kwh for row in rows), default=0)
        if most > 0:
            self._bar['Bar'] = lambda interval: draw(interval.kwh / most)

    def cells(self, row: Row) -> list[object]:
        """Return the values of the columns."""
        return [
            *(value(row.probe) for value in self._of_probe.values()),
            *(value(row.interval) for value in self._of_interval().values()),
        ]

    def total(self, interval: usage.Interval) -> dict[str, object]:
        """Return the values of a row of totals, by title."""
        blank = dict.fromkeys([*self._of_probe, *self._dates, *self._bar], '')
        values = {
            title: value(interval)
            for title, value in self._of_interval().items()
        }
        return values | blank | {self.titles()[0]: 'Total'}

    def _of_interval(self) -> dict[str, _OfInterval]:
        return self._dates | _ENERGY | self._bar | self._quality


class TotalFormatter(base.ListFormatter):
    """Formatter that adds a row of totals to a table.

    It is below the other rows even if the user has them sorted.

    :param formatter: of the table.
    :param total: values of the row, by title.
    """

    def __init__(
        self, formatter: base.ListFormatter, total: dict[str, object]
    ) -> None:
        self._formatter = formatter
        self._total = total

    def add_argument_group(self, parser: argparse.ArgumentParser) -> None:
        """Add the options of the formatter."""
        self._formatter.add_argument_group(parser)

    def emit_list(
        self,
        column_names: collections.abc.Sequence[str],
        data: collections.abc.Iterable[collections.abc.Sequence[typing.Any]],
        stdout: typing.TextIO,
        parsed_args: argparse.Namespace,
    ) -> None:
        """Write the table."""
        total = [self._total[title] for title in column_names]
        self._formatter.emit_list(
            column_names, [*data, total], stdout, parsed_args
        )
