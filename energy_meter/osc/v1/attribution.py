# SPDX-License-Identifier: Apache-2.0

"""Commands that show the energy of instances, projects and hosts."""

import abc
import argparse
import collections.abc
import typing

from energy_meter.clients import api
from energy_meter.clients import attributed
from energy_meter.clients import attribution
from energy_meter.clients import usage
from energy_meter.osc.v1 import attribution_options
from energy_meter.osc.v1 import attribution_table
from energy_meter.osc.v1 import bars
from energy_meter.osc.v1 import lister
from energy_meter.osc.v1 import usage_options

_Pages = collections.abc.Iterator[attributed.Page[typing.Any]]


class _Command(lister.EnergyLister):
    """Base class of the commands.

    :cvar columns: of an instance or a project; empty unless several are
        shown.
    :cvar long_columns: with additional fields.
    :cvar argument: name and help of the argument that selects what is shown;
        None if several are.
    :cvar is_host: whether a host is shown.
    """

    columns: typing.ClassVar[attribution_table.Values] = {}
    long_columns: typing.ClassVar[attribution_table.Values] = {}
    argument: typing.ClassVar[tuple[str, str] | None] = None
    is_host = False

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser of the command's arguments."""
        parser = super().get_parser(prog_name)
        if self.argument is not None:
            name, text = self.argument
            parser.add_argument(name, metavar=f'<{name}>', help=text)
        attribution_options.add(parser, has_step=not self.columns)
        parser.epilog = '\n'.join(
            (
                usage_options.HELP,
                attribution_options.HELP,
                parser.epilog or '',
            )
        )
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[
        collections.abc.Sequence[str], collections.abc.Iterable[typing.Any]
    ]:
        """Return the titles and the rows of the table."""
        period = attribution_options.period(parsed_args)
        client = typing.cast(typing.Any, self.app).client_manager.energy
        pages = list(self._request(client, period.query, parsed_args))
        is_long = parsed_args.long
        layout = attribution_table.Layout(
            self.long_columns if is_long else self.columns,
            period,
            has_dates=not self.columns,
            is_host=self.is_host,
            is_long=is_long,
        )
        lines = [*self._lines(pages)]
        if parsed_args.formatter == 'table' and lines:
            self._finish(layout, period, pages, lines)
        return layout.titles(), [layout.cells(line) for line in lines]

    @abc.abstractmethod
    def _request(
        self,
        client: api.Client,
        query: usage.Query,
        parsed_args: argparse.Namespace,
    ) -> _Pages:
        """Return the energy that the API reports."""

    def _lines(
        self, pages: list[attributed.Page[typing.Any]]
    ) -> collections.abc.Iterator[attribution_table.Line]:
        for page in pages:
            for member in page.members:
                rows = [member.total] if self.columns else member.intervals
                for row in rows:
                    yield attribution_table.Line(member, row)

    def _finish(
        self,
        layout: attribution_table.Layout,
        period: usage_options.Period,
        pages: list[attributed.Page[typing.Any]],
        lines: list[attribution_table.Line],
    ) -> None:
        """Add the bars, and keep what is written below the table."""
        layout.add_bars(lines, bars.make(lister.BAR_WIDTH, self.app.stdout))
        total = pages[0].total
        if total is not None:
            self.total = layout.total(total)
        self.notes = [*attribution_table.notes(pages[0], lines, period)]
        if self.is_host:
            host = pages[0].members[0]
            self.notes += attribution_table.idle_power(host, period)


class ListInstance(_Command):
    """List instances with their energy in a period."""

    columns = attribution_table.INSTANCE
    long_columns = attribution_table.LONG_INSTANCE

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser of the command's arguments."""
        parser = super().get_parser(prog_name)
        for name, text in (
            ('project', 'Show only instances of this project, by its ID'),
            ('host', 'Show only instances on this host (operators only)'),
        ):
            parser.add_argument(f'--{name}', metavar=f'<{name}>', help=text)
        return parser

    def _request(
        self,
        client: api.Client,
        query: usage.Query,
        parsed_args: argparse.Namespace,
    ) -> _Pages:
        filters = {'project_id': parsed_args.project, 'host': parsed_args.host}
        return attribution.instances(
            client,
            query,
            **{name: text for name, text in filters.items() if text},
        )


class ShowInstance(_Command):
    """Show the energy of an instance by day."""

    argument = ('instance', 'ID of the instance')

    def _request(
        self,
        client: api.Client,
        query: usage.Query,
        parsed_args: argparse.Namespace,
    ) -> _Pages:
        return attribution.instance(client, parsed_args.instance, query)


class ListProject(_Command):
    """List projects with the energy of their instances in a period."""

    columns = attribution_table.PROJECT
    long_columns = attribution_table.LONG_PROJECT

    def _request(
        self,
        client: api.Client,
        query: usage.Query,
        parsed_args: argparse.Namespace,
    ) -> _Pages:
        return attribution.projects(client, query)


class ShowProject(_Command):
    """Show the energy of a project's instances by day."""

    argument = ('project', 'ID of the project')

    def _request(
        self,
        client: api.Client,
        query: usage.Query,
        parsed_args: argparse.Namespace,
    ) -> _Pages:
        return attribution.project(client, parsed_args.project, query)


class ShowHost(_Command):
    """Show the energy of a host by day, and what it was used for.

    Instances, overhead, unallocated and unattributed add up to all of it.
    """

    is_host = True
    argument = ('host', 'Name of the host in Nova')

    def _request(
        self,
        client: api.Client,
        query: usage.Query,
        parsed_args: argparse.Namespace,
    ) -> _Pages:
        return attribution.host(client, parsed_args.host, query)
