# SPDX-License-Identifier: Apache-2.0

"""What the commands have in common."""

import argparse
import collections.abc
import datetime
import typing

from oslo_config import cfg
import prettytable

from energy_meter.db import probes

#: Name of the command.
PROG = 'energy-meter-manage'
#: Seconds: shows every probe, however long ago it was heard of.
FOREVER = float(2**40)

#: Where areas are added.
Areas: typing.TypeAlias = 'argparse._SubParsersAction[argparse.ArgumentParser]'


class Area:
    """The commands about one thing."""

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

        :param run: does it; its arguments are in ``conf.command``.
        :returns: takes the arguments of the command.
        """
        parser = self._commands.add_parser(name, help=text, description=text)
        parser.set_defaults(run=run)
        return parser


def add_probe(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('probe', help='id of the probe')


def add_agent(parser: argparse.ArgumentParser) -> None:
    # oslo.config gives no argument that is named as a section.
    parser.add_argument(
        'agent_uuid', metavar='agent', help='uuid of the agent'
    )


def kwh(millijoules: int) -> str:
    """Write an energy in kWh."""
    return f'{millijoules / probes.MILLIJOULES_PER_KWH:.6f}'


def moment(seconds: float) -> str:
    """Write a time, seconds since 1970, in UTC."""
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).strftime(
        '%Y-%m-%dT%H:%M:%SZ'
    )


def show(
    titles: collections.abc.Sequence[str],
    rows: collections.abc.Iterable[collections.abc.Sequence[object]],
) -> None:
    """Print a table."""
    table = prettytable.PrettyTable(titles)
    table.add_rows([list(row) for row in rows])
    table.align = 'l'
    for name in ('kWh', 'overlap kWh', 'pending kWh', 'W'):
        table.align[name] = 'r'
    print(table)
