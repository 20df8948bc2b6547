# SPDX-License-Identifier: Apache-2.0

"""Commands for closed days."""

import argparse
import datetime

from oslo_config import cfg

from energy_meter.cmd.manage import base
from energy_meter.cmd.manage import listing
from energy_meter.cmd.manage import units
from energy_meter.collector import day_views
from energy_meter.db import closed_days
from energy_meter.db import engine as db_engine

_EPOCH = datetime.date(1970, 1, 1)
#: Number of a day after all others.
_NO_LIMIT = 2**40


def add_commands(areas: base.Areas) -> None:
    """Add the commands to the parser."""
    area = base.Area(areas, 'day', 'Manage closed days.')
    parser = area.add(
        'list',
        _list,
        'List the versions of the closed days of a probe, and the days that '
        'are due, with the reason why they are not closed.',
    )
    base.add_probe(parser)
    _add_day(parser, '--since', 'first day (default: the first closed day)')
    _add_day(parser, '--until', 'last day (default: the last one)')
    listing.add_format(parser)
    parser = area.add(
        'show',
        _show,
        'Show the quarter-hours of a closed day, and the difference of each '
        'to the version before.',
    )
    base.add_probe(parser)
    _add_day(parser, 'day', 'UTC day, for example 2027-01-31')
    parser.add_argument(
        '--version', type=int, help='number of the version (default: latest)'
    )
    listing.add_format(parser)
    parser = area.add(
        'close',
        _close,
        'Close days now, although measurements may be missing. What arrives '
        'later makes another version.',
    )
    probes = parser.add_mutually_exclusive_group(required=True)
    probes.add_argument('probe', nargs='?', help='ID of the probe')
    probes.add_argument('--all', action='store_true', help='all probes')
    _add_day(parser, '--until', 'last day (default: yesterday)')
    base.add_confirmation(parser)


def _add_day(parser: argparse.ArgumentParser, name: str, text: str) -> None:
    parser.add_argument(name, type=_day, help=text)


def _day(text: str) -> int:
    """Return the number of a day since the epoch.

    :raises ValueError: if it is invalid.
    """
    return (datetime.date.fromisoformat(text) - _EPOCH).days


def _list(conf: cfg.ConfigOpts) -> None:
    command = conf.command
    first = 0 if command.since is None else command.since
    until = _NO_LIMIT if command.until is None else command.until + 1
    with db_engine.connect(conf).begin() as connection:
        views = day_views.list_days(connection, command.probe, first, until)
        unit = units.Units(connection).of(command.probe)
    listing.show(
        conf,
        [
            listing.Column('day'),
            listing.Column('version'),
            unit.column(),
            listing.Column('coverage', listing.SHARE),
            listing.Column('complete'),
            listing.Column('closed at'),
            listing.Column('reason'),
            listing.Column('user'),
            listing.Column('waiting'),
        ],
        (_row(view, unit) for view in views),
    )


def _row(view: day_views.DayView, unit: units.Unit) -> list[listing.Value]:
    total, day = view.total, day_views.iso(view.day)
    if total is None:
        return [day, *[None] * 7, view.waiting]
    return [
        day,
        total.version,
        unit.convert(total.millijoules),
        total.metered / closed_days.DAY_MS,
        total.complete,
        base.utc(total.closed_at / 1000),
        total.reason,
        total.username or None,
        view.waiting or None,
    ]


def _show(conf: cfg.ConfigOpts) -> None:
    command = conf.command
    with db_engine.connect(conf).begin() as connection:
        closed, intervals = day_views.show_day(
            connection, command.probe, command.day, command.version
        )
        unit = units.Units(connection).of(command.probe)
    listing.show(
        conf,
        [
            listing.Column('start'),
            unit.column(),
            listing.Column('coverage', listing.SHARE),
            unit.column('uncertain '),
            listing.Column('quality'),
            unit.column('difference '),
        ],
        (
            [
                base.utc(each.interval.start / 1000),
                unit.convert(each.interval.millijoules),
                each.interval.coverage,
                unit.convert(each.interval.uncertain),
                each.interval.quality,
                None
                if each.difference is None
                else unit.convert(each.difference),
            ]
            for each in intervals
        ),
    )
    if command.format == 'table':
        print(
            f'Version {closed.version}, written at '
            f'{base.utc(closed.closed_at / 1000)}: {closed.reason}'
        )


def _close(conf: cfg.ConfigOpts) -> None:
    command = conf.command
    with db_engine.connect(conf).connect() as connection:
        today = db_engine.now(connection) // closed_days.DAY_MS
        known = units.Units(connection)
    until = today if command.until is None else min(command.until + 1, today)
    of = 'all probes' if command.all else f'probe {command.probe}'
    probes = None if command.all else [command.probe]
    closed = base.change_database(
        conf,
        lambda engine: day_views.close(engine, probes, until, base.operator()),
        lambda closed: (
            f'Close {sum(order.days for order in closed.values())} days of '
            f'{of} up to {day_views.iso(until - 1)}, although measurements '
            'may be missing?'
        ),
    )
    for probe, order in closed.items():
        if order.days or order.waiting:
            print(
                f'Closed {order.days} days of probe {probe} with '
                f'{known.of(probe).format(order.millijoules)}, '
                f'{order.incomplete} of them incomplete'
            )
        if order.waiting:
            print(f'Not all days of probe {probe}: {order.waiting}; try again')
