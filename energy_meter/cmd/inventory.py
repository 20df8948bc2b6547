# SPDX-License-Identifier: Apache-2.0

"""Entry point of energy-meter-import, which imports inventories."""

import contextlib
import sys
import typing

from energy_meter import exception
from energy_meter.cmd import output
from energy_meter.discover import generated_file
from energy_meter.inventory import ansible
from energy_meter.inventory import csv_file
from energy_meter.inventory import device
from energy_meter.inventory import ironic
from energy_meter.inventory import options
from energy_meter.inventory import wattmeters

#: First part of the names of templates that are only printed.
_PREFIX = 'imported'

#: Maximum number of skipped entries whose names are shown.
_MAX_NAMES = 8


def main() -> None:
    """Run the command."""
    output.ignore_closed_pipe()
    parser = options.parser()
    arguments = parser.parse_args()
    if arguments.dry_run and not arguments.output:
        parser.error('--dry-run requires --output')
    try:
        inventory = _load(arguments)
        for reason, names in inventory.skipped.items():
            _report(f'Skipped {_enumerate(names)}: {reason}')
        if not inventory.devices:
            sys.exit(f'{options.PROG}: no devices')
        _write(arguments, inventory.devices)
    except OSError as error:
        sys.exit(f'{options.PROG}: {error.filename}: {error.strerror}')
    except exception.EnergyMeterError as error:
        sys.exit(f'{options.PROG}: {error}')


def _load(arguments: typing.Any) -> device.Inventory:
    if arguments.kind == 'ironic':
        return ironic.load(arguments.os_cloud)
    if arguments.kind == 'ansible':
        return ansible.load(
            arguments.source,
            arguments.group,
            arguments.address_variable or ansible.ADDRESSES,
        )
    with (
        contextlib.nullcontext(sys.stdin)
        if arguments.source == '-'
        else open(arguments.source, encoding='utf-8', newline='')
    ) as stream:
        return csv_file.read(stream, arguments.source)


def _write(arguments: typing.Any, devices: list[device.Device]) -> None:
    path = arguments.output
    found = wattmeters.make(
        devices,
        arguments.set,
        path.stem if path else _PREFIX,
        secrets=path is not None,
    )
    if path is None:
        print(generated_file.as_text(found), end='')
        return
    before = {} if arguments.force else generated_file.load(path)
    print(generated_file.update(path, before, found, arguments.dry_run))


def _enumerate(names: list[str]) -> str:
    more = len(names) - _MAX_NAMES
    return ', '.join(names[:_MAX_NAMES]) + (
        f' and {more} more' if more > 0 else ''
    )


def _report(text: str) -> None:
    print(text, file=sys.stderr)
