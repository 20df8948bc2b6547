# SPDX-License-Identifier: Apache-2.0

"""Commands that show probes once."""

import argparse
import collections.abc
import datetime
import typing

from osc_lib.command import command

from energy_meter import client
from energy_meter.osc.v1 import columns

_FILTERS = {
    'host': 'machine whose power it is',
    'scope': 'what is measured, such as node or outlet',
    'wattmeter': 'wattmeter that measures it',
}

_Show = collections.abc.Callable[[client.Probe], object]

#: By the title of each column, what it shows.
_SHORT: dict[str, _Show] = {
    'ID': lambda probe: probe.id,
    'Host': lambda probe: probe.host,
    'Scope': lambda probe: probe.scope,
    # Without power there is nothing to round, and cliff sorts None last.
    'Power (W)': lambda probe: (
        None if probe.watts is None else columns.Watts(probe.watts)
    ),
    'Energy (kWh)': lambda probe: columns.KilowattHours(probe.kwh),
}
_LONG: dict[str, _Show] = _SHORT | {
    'Wattmeter': lambda probe: probe.wattmeter,
    'Coverage': lambda probe: columns.Share(probe.coverage),
    'Measured At': lambda probe: _moment(probe.timestamp),
    'Project ID': lambda probe: probe.project_id,
}
#: The same by the name of each field.
_FIELDS = {
    'id': 'ID',
    'host': 'Host',
    'scope': 'Scope',
    'wattmeter': 'Wattmeter',
    'power_w': 'Power (W)',
    'energy_kwh': 'Energy (kWh)',
    'coverage': 'Coverage',
    'measured_at': 'Measured At',
    'project_id': 'Project ID',
}


class ListProbe(command.Lister):
    """List the probes that had news of late, with their power and energy"""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        for name, text in _FILTERS.items():
            parser.add_argument(
                f'--{name}',
                metavar=f'<{name}>',
                action='append',
                help=f'Show only the probes of this {name}, the {text} '
                '(repeat for several)',
            )
        parser.add_argument(
            '--long',
            action='store_true',
            help='Show all that is known of each probe',
        )
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[
        collections.abc.Sequence[str], collections.abc.Iterable[typing.Any]
    ]:
        shown = _LONG if parsed_args.long else _SHORT
        return list(shown), [
            [show(probe) for show in shown.values()]
            for probe in sorted(
                _client(self).probes(), key=lambda probe: probe.id
            )
            if _is_wanted(probe, parsed_args)
        ]


class ShowProbe(command.ShowOne):
    """Show all that is known of one probe"""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument('probe', metavar='<probe>', help='ID of a probe')
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[
        collections.abc.Sequence[str], collections.abc.Iterable[typing.Any]
    ]:
        probe = _client(self).probe(parsed_args.probe)
        return list(_FIELDS), [
            _LONG[title](probe) for title in _FIELDS.values()
        ]


def _client(item: command.Command) -> client.Client:
    """Give what :func:`energy_meter.osc.plugin.make_client` made."""
    made: client.Client = typing.cast(
        typing.Any, item.app
    ).client_manager.energy
    return made


def _is_wanted(probe: client.Probe, parsed_args: argparse.Namespace) -> bool:
    wanted = (
        (getattr(probe, name), getattr(parsed_args, name)) for name in _FILTERS
    )
    return all(not values or value in values for value, values in wanted)


def _moment(timestamp: float) -> str:
    return datetime.datetime.fromtimestamp(timestamp, datetime.UTC).isoformat(
        timespec='seconds'
    )
