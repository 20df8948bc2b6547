# SPDX-License-Identifier: Apache-2.0

"""Common code of the commands."""

import argparse
import collections.abc
import datetime
import typing

from oslo_config import cfg
import prettytable

from energy_meter.db import probes

#: Name of the command.
PROG = 'energy-meter-manage'
#: Time limit in seconds that includes every probe, however stale.
FOREVER_S = float(2**40)
#: A date in ms after all others.
END_OF_TIME_MS = 2**62

#: Parsers to which areas are added.
Areas: typing.TypeAlias = 'argparse._SubParsersAction[argparse.ArgumentParser]'


class Area:
    """Commands of one area, such as ``probe``."""

    def __init__(self, areas: Areas, name: str, text: str) -> None:
        self._commands = areas.add_parser(
            name, help=text, description=text
        ).add_subparsers(required=True, metavar='ACTION')

    def add(
        self,
        name: str,
        run: collections.abc.Callable[[cfg.ConfigOpts], None],
        text: str,
    ) -> argparse.ArgumentParser:
        """Add a command.

        :param run: function that runs the command; the arguments are in
            ``conf.command``.
        :param text: description for ``--help``.
        :returns: parser for the arguments of the command.
        """
        parser = self._commands.add_parser(name, help=text, description=text)
        parser.set_defaults(run=run)
        return parser


def add_probe(parser: argparse.ArgumentParser) -> None:
    """Add an argument for a probe."""
    parser.add_argument('probe', help='ID of the probe')


def add_agent(parser: argparse.ArgumentParser) -> None:
    """Add an argument for an agent."""
    # oslo.config hides an argument that has the name of a section.
    parser.add_argument(
        'agent_uuid', metavar='agent', help='UUID of the agent'
    )


def kwh(millijoules: int) -> str:
    """Format an energy in kWh."""
    return f'{millijoules / probes.MILLIJOULES_PER_KWH:.6f}'


def utc(timestamp: float | None) -> str:
    """Format a time, in seconds since the epoch, in UTC."""
    if timestamp is None:
        return '-'
    return datetime.datetime.fromtimestamp(timestamp, datetime.UTC).strftime(
        '%Y-%m-%dT%H:%M:%SZ'
    )


def date(text: str) -> int:
    """Return a date in ms since the epoch.

    :param text: date and time in ISO 8601; in UTC unless it has an offset.
    :raises ValueError: if it is invalid.
    """
    parsed = datetime.datetime.fromisoformat(text)
    if parsed.tzinfo is None:
        parsed = parsed.replace(tzinfo=datetime.UTC)
    return round(parsed.timestamp() * 1000)


def show(
    titles: collections.abc.Sequence[str],
    rows: collections.abc.Iterable[collections.abc.Sequence[object]],
) -> None:
    """Print a table."""
    table = prettytable.PrettyTable(titles)
    table.add_rows([list(row) for row in rows])
    table.align = 'l'
    for name in ('kWh', 'overlap kWh', 'W'):
        table.align[name] = 'r'
    print(table)
