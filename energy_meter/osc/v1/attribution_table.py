# SPDX-License-Identifier: Apache-2.0

"""Tables of the energy of instances, projects and hosts."""

import collections.abc
import datetime
import typing

from energy_meter.clients import attributed
from energy_meter.osc.v1 import columns
from energy_meter.osc.v1 import usage_options

#: Functions that return the value of a column, by its title.
Values = dict[str, collections.abc.Callable[[typing.Any], object]]

#: Of an instance, and of a project.
INSTANCE: Values = {
    'Instance ID': lambda instance: instance.instance_id,
    'Name': lambda instance: instance.name,
    'Project ID': lambda instance: instance.project_id,
}
LONG_INSTANCE: Values = INSTANCE | {
    'Project Name': lambda instance: instance.project_name,
    'User ID': lambda instance: instance.user_id,
    # Nova's IDs for those who may not know names.
    'Hosts': lambda instance: ' '.join(
        instance.host_ids if instance.hosts is None else instance.hosts
    ),
    'Scopes': lambda instance: ' '.join(instance.scopes),
}
PROJECT: Values = {
    'Project ID': lambda project: project.project_id,
    'Name': lambda project: project.project_name,
    'Instances': lambda project: project.instances,
}
LONG_PROJECT: Values = PROJECT | {
    'Scopes': lambda project: ' '.join(project.scopes),
}

_ENERGY: Values = {
    'Energy (kWh)': lambda row: columns.AlignedKilowattHours(row.kwh),
}
_QUALITY: Values = {
    'Quality': lambda row: row.quality,
    'State': lambda row: row.state,
}
_LONG_QUALITY: Values = _QUALITY | {
    'Version': lambda row: row.version,
    'Coverage': lambda row: columns.Percentage(row.coverage),
    'Uncertain (kWh)': lambda row: columns.KilowattHours(row.uncertain_kwh),
    'Millijoules': lambda row: row.millijoules,
}
_PARTS: Values = {
    'Idle (kWh)': lambda row: _optional(row.idle_kwh),
    'Devices (kWh)': lambda row: _optional(row.device_kwh),
}
_USES: Values = {
    'Instances (kWh)': lambda row: columns.KilowattHours(row.instances),
    'Overhead (kWh)': lambda row: columns.KilowattHours(row.overhead),
    'Unallocated (kWh)': lambda row: columns.KilowattHours(row.unallocated),
    'Unattributed (kWh)': lambda row: columns.KilowattHours(row.unattributed),
}
_LONG_USES: Values = _USES | {
    'Idle (kWh)': lambda row: columns.KilowattHours(row.idle),
    'Dynamic (kWh)': lambda row: columns.KilowattHours(row.dynamic),
    'Devices (kWh)': lambda row: columns.KilowattHours(row.devices),
}


class Line(typing.NamedTuple):
    """Line of a table.

    :ivar member: instance, project or host.
    """

    member: typing.Any
    row: typing.Any


class Layout:
    """Columns of a table.

    :param of_member: columns of an instance or a project, in lists.
    :param has_dates: whether there are rows of several intervals.
    :param is_host: whether the rows are those of a host.
    :param is_long: whether there are additional columns.
    """

    def __init__(
        self,
        of_member: Values,
        period: usage_options.Period,
        has_dates: bool,
        is_host: bool,
        is_long: bool,
    ) -> None:
        self._of_member = of_member
        self._dates = _dates(period, has_dates, is_long)
        self._bar: Values = {}
        if is_host:
            uses = _LONG_USES if is_long else _USES
        else:
            uses = _PARTS if is_long else {}
        self._rest = uses | (_LONG_QUALITY if is_long else _QUALITY)

    def titles(self) -> list[str]:
        """Return the titles of the columns."""
        return [*self._of_member, *self._of_row()]

    def add_bars(
        self,
        lines: list[Line],
        draw: collections.abc.Callable[[float], str],
    ) -> None:
        """Add a column with bars; the longest is that of the most energy."""
        most = max((line.row.kwh for line in lines), default=0)
        if most > 0:
            self._bar['Bar'] = lambda row: draw(row.kwh / most)

    def cells(self, line: Line) -> list[object]:
        """Return the values of the columns."""
        return [
            *(value(line.member) for value in self._of_member.values()),
            *(value(line.row) for value in self._of_row().values()),
        ]

    def total(
        self, row: attributed.Row | attributed.HostRow
    ) -> dict[str, object]:
        """Return the values of a row of totals, by title."""
        blank = dict.fromkeys([*self._of_member, *self._dates, *self._bar], '')
        values = {title: get(row) for title, get in self._of_row().items()}
        return values | blank | {self.titles()[0]: 'Total'}

    def _of_row(self) -> Values:
        return self._dates | _ENERGY | self._bar | self._rest


def _optional(kwh: float | None) -> columns.KilowattHours | None:
    """Return a value; None is not wrapped, because cliff sorts it last."""
    return None if kwh is None else columns.KilowattHours(kwh)


def _dates(
    period: usage_options.Period, has_dates: bool, is_long: bool
) -> Values:
    dates: Values = {}
    if has_dates or is_long:
        dates['Start'] = lambda row: columns.Time(
            row.start, period.zone, period.query.step
        )
    if is_long:
        dates['End'] = lambda row: columns.Time(row.end, period.zone)
    return dates


def notes(
    page: attributed.Page[typing.Any],
    lines: collections.abc.Iterable[Line],
    period: usage_options.Period,
) -> collections.abc.Iterator[str]:
    """Yield notes: the period, the method, and whether it may change."""

    def show(time: datetime.datetime) -> str:
        return columns.Time(time, period.zone).human_readable()

    yield f'From {show(page.start)} to {show(page.end)} ({period.zone.key})'
    yield f'Attributed by {", ".join(page.methods)}.'
    scopes = {scope for line in lines for scope in line.member.scopes}
    if scopes - {'node'}:
        names = ', '.join(sorted(scopes))
        yield f'Of the energy of hosts in the scopes {names}.'
    if period.query.as_of is not None:
        yield f'As known at {show(period.query.as_of)}.'
    elif any(line.row.state != 'closed' for line in lines):
        yield 'Open energy may still change.'


def idle_power(
    host: attributed.Host, period: usage_options.Period
) -> collections.abc.Iterator[str]:
    """Yield a note for each idle power of a host."""
    for each in host.idle_power:
        since = columns.Time(each.since, period.zone, 'day').human_readable()
        yield f'Idle power since {since}: {each.watts:.1f} W, {each.source}.'
