# SPDX-License-Identifier: Apache-2.0

"""Commands that show the energy of probes in a period."""

import abc
import argparse
import collections.abc
import itertools
import typing

from energy_meter.clients import api
from energy_meter.clients import usage
from energy_meter.osc.v1 import bars
from energy_meter.osc.v1 import lister
from energy_meter.osc.v1 import usage_options
from energy_meter.osc.v1 import usage_table

_FILTERS = {
    'host': 'the machine that consumes the power',
    'scope': 'the part of the system that is measured, such as node or outlet',
    'project': 'the ID of the project that pays for the energy',
}

_SHOW_EXAMPLES = """\
examples:
  This month by day:
    openstack energy usage show node-41
  A bill for March, with the version of each day:
    openstack energy usage show node-41 --start 2026-03 --long
  Yesterday by quarter-hour, for a spreadsheet:
    openstack energy usage show node-41 --start yesterday --step 15min -f csv
"""
_LIST_EXAMPLES = """\
examples:
  Last month, one row per probe:
    openstack energy usage list --start "last month"
  What a project paid for in March, as it was known on April 3:
    openstack energy usage list --project 9d1c... --start 2026-03 \\
      --as-of 2026-04-03
  The node scope by day, largest first:
    openstack energy usage list --scope node --step day \\
      --sort-column "Energy (kWh)" --sort-descending
"""


class _Usage(lister.EnergyLister):
    """Base class of the commands.

    :cvar is_list: whether the command shows several probes.
    :cvar examples: for the help text.
    """

    is_list: bool
    examples: str

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser of the command's arguments."""
        parser = super().get_parser(prog_name)
        usage_options.add(parser)
        usage_options.add_step(parser, 'none' if self.is_list else None)
        parser.epilog = '\n'.join(
            (self.examples, usage_options.HELP, parser.epilog or '')
        )
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[
        collections.abc.Sequence[str], collections.abc.Iterable[typing.Any]
    ]:
        """Return the titles and the rows of the table."""
        period = usage_options.period(parsed_args)
        client = typing.cast(typing.Any, self.app).client_manager.energy
        pages = self._request(client, period.query, parsed_args)
        # An error of the first request ends the command without output.
        pages = itertools.chain([next(pages)], pages)
        layout = usage_table.Layout(
            period.zone, period.query.step, self.is_list, parsed_args.long
        )
        if parsed_args.formatter == 'table':
            return self._table(layout, period, list(pages))
        return layout.titles(), map(layout.cells, usage_table.rows(pages))

    @abc.abstractmethod
    def _request(
        self,
        client: api.Client,
        query: usage.Query,
        parsed_args: argparse.Namespace,
    ) -> collections.abc.Iterator[usage.Page]:
        """Return the energy that the API reports."""

    def _table(
        self,
        layout: usage_table.Layout,
        period: usage_options.Period,
        pages: list[usage.Page],
    ) -> tuple[list[str], list[list[object]]]:
        """Return the titles and rows; keep what is written below them."""
        rows = list(usage_table.rows(pages))
        draw = bars.make(lister.BAR_WIDTH, self.app.stdout)
        layout.add_bars(rows, draw)
        if rows:
            self.total = layout.total(usage_table.total(pages))
            self.notes = usage_table.notes(pages, period)
        return layout.titles(), [layout.cells(row) for row in rows]


class ShowUsage(_Usage):
    """Show the energy of a probe in a period, by hour, day or month.

    The rows add up to the total, to the millijoule. Nothing is estimated for
    times at which the probe was not metered: their quality is missing or
    partial.
    """

    is_list = False
    examples = _SHOW_EXAMPLES

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser of the command's arguments."""
        parser = super().get_parser(prog_name)
        parser.add_argument('probe', metavar='<probe>', help='ID of the probe')
        return parser

    def _request(
        self,
        client: api.Client,
        query: usage.Query,
        parsed_args: argparse.Namespace,
    ) -> collections.abc.Iterator[usage.Page]:
        return client.energy(parsed_args.probe, query)


class ListUsage(_Usage):
    """List the energy of probes in a period."""

    is_list = True
    examples = _LIST_EXAMPLES

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser of the command's arguments."""
        parser = super().get_parser(prog_name)
        for name, text in _FILTERS.items():
            parser.add_argument(
                f'--{name}',
                metavar=f'<{name}>',
                help=f'Show only probes of this {name}: {text}',
            )
        return parser

    def _request(
        self,
        client: api.Client,
        query: usage.Query,
        parsed_args: argparse.Namespace,
    ) -> collections.abc.Iterator[usage.Page]:
        filters = {name: getattr(parsed_args, name) for name in _FILTERS}
        return client.energies(
            query, **{name: text for name, text in filters.items() if text}
        )
