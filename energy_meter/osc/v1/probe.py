# SPDX-License-Identifier: Apache-2.0

"""Commands that show probes."""

import argparse
import collections.abc
import datetime
import typing

from osc_lib.command import command

from energy_meter.clients import api
from energy_meter.osc.v1 import columns

_FILTERS = {
    'host': 'the machine that consumes the power',
    'scope': 'the part of the system that is measured, such as node or outlet',
    'wattmeter': 'the wattmeter that measures the probe',
}

_GetValue = collections.abc.Callable[[api.Probe], object]

#: Functions that return the value of a column, by its title.
_SHORT: dict[str, _GetValue] = {
    'ID': lambda probe: probe.id,
    'Host': lambda probe: probe.host,
    'Scope': lambda probe: probe.scope,
    # None is not wrapped, because cliff sorts it last.
    'Power (W)': lambda probe: (
        None if probe.watts is None else columns.Watts(probe.watts)
    ),
    'Energy (kWh)': lambda probe: columns.KilowattHours(probe.kwh),
}
_LONG: dict[str, _GetValue] = _SHORT | {
    'Wattmeter': lambda probe: probe.wattmeter,
    'Coverage': lambda probe: columns.Percentage(probe.coverage),
    'Timestamp': lambda probe: _iso_time(probe.timestamp),
    'Project ID': lambda probe: probe.project_id,
}
#: Titles of the columns, by field of ``probe show``.
_FIELDS = {
    'id': 'ID',
    'host': 'Host',
    'scope': 'Scope',
    'wattmeter': 'Wattmeter',
    'power_w': 'Power (W)',
    'energy_kwh': 'Energy (kWh)',
    'coverage': 'Coverage',
    'timestamp': 'Timestamp',
    'project_id': 'Project ID',
}


class ListProbe(command.Lister):
    """List recently updated probes with their power and energy."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser of the command's arguments."""
        parser = super().get_parser(prog_name)
        for name, text in _FILTERS.items():
            parser.add_argument(
                f'--{name}',
                metavar=f'<{name}>',
                action='append',
                help=f'Show only probes of this {name}: {text} '
                '(repeat option for multiple values)',
            )
        parser.add_argument(
            '--long',
            action='store_true',
            help='List additional fields',
        )
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[
        collections.abc.Sequence[str], collections.abc.Iterable[typing.Any]
    ]:
        """Return the titles and the rows of the list."""
        values = _LONG if parsed_args.long else _SHORT
        return list(values), [
            [get_value(probe) for get_value in values.values()]
            for probe in sorted(
                _client(self).probes(), key=lambda probe: probe.id
            )
            if _is_selected(probe, parsed_args)
        ]


class ShowProbe(command.ShowOne):
    """Show details of a probe."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser of the command's arguments."""
        parser = super().get_parser(prog_name)
        parser.add_argument('probe', metavar='<probe>', help='ID of the probe')
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[
        collections.abc.Sequence[str], collections.abc.Iterable[typing.Any]
    ]:
        """Return the names and the values of the fields."""
        probe = _client(self).probe(parsed_args.probe)
        return list(_FIELDS), [
            _LONG[title](probe) for title in _FIELDS.values()
        ]


def _client(caller: command.Command) -> api.Client:
    """Return the result of :func:`energy_meter.osc.plugin.make_client`."""
    app = typing.cast(typing.Any, caller.app)
    client: api.Client = app.client_manager.energy
    return client


def _is_selected(probe: api.Probe, parsed_args: argparse.Namespace) -> bool:
    filters = (
        (getattr(probe, name), getattr(parsed_args, name)) for name in _FILTERS
    )
    return all(not values or value in values for value, values in filters)


def _iso_time(timestamp: float) -> str:
    return datetime.datetime.fromtimestamp(timestamp, datetime.UTC).isoformat(
        timespec='seconds'
    )
