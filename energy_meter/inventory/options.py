# SPDX-License-Identifier: Apache-2.0

"""Command line options of energy-meter-import."""

import argparse
import importlib.metadata
import pathlib

from energy_meter.conf import completion
from energy_meter.inventory import ansible
from energy_meter.inventory import defaults

PROG = 'energy-meter-import'
_DESCRIPTION = (
    'Write a configuration section for each device of an inventory. Contacts '
    'no device. A repeated run changes only what changed in the inventory.'
)


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    command = argparse.ArgumentParser(prog=PROG, description=_DESCRIPTION)
    completion.add_option(command)
    command.add_argument(
        '--version',
        action='version',
        version=importlib.metadata.version('energy-meter'),
    )
    kinds = command.add_subparsers(dest='kind', required=True, metavar='KIND')
    common = _common()
    table = kinds.add_parser(
        'csv',
        parents=[common],
        help='CSV file',
        description='Import a CSV file. The first line names the columns: '
        'name, and options of wattmeters such as driver, host, username and '
        'password_file.',
    )
    table.add_argument('source', metavar='FILE', help='file, or - for stdin')
    _add_ansible_options(
        kinds.add_parser(
            'ansible',
            parents=[common],
            help='Ansible inventory',
            description='Import hosts of an Ansible inventory. Variables '
            f'that begin with {ansible.PREFIX} are options of wattmeters.',
        )
    )
    bare_metal = kinds.add_parser(
        'ironic',
        parents=[common],
        help='bare metal nodes of Ironic',
        description='Import the BMCs of the nodes in Ironic. The credentials '
        'for OpenStack come from OS_* variables or clouds.yaml.',
    )
    bare_metal.add_argument(
        '--os-cloud', metavar='NAME', help='entry of clouds.yaml'
    )
    return command


def _add_ansible_options(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        'source',
        metavar='INVENTORY',
        help='inventory, file with the output of ansible-inventory --list, '
        'or - for that output on stdin',
    )
    command.add_argument(
        '--group',
        default='all',
        help='group of hosts to import (default: %(default)s)',
    )
    command.add_argument(
        '--address-variable',
        metavar='NAME',
        action='append',
        help='variable with the address of the BMC; can be repeated, and the '
        f'first that a host has counts (default: '
        f'{", ".join(ansible.ADDRESSES)})',
    )


def _common() -> argparse.ArgumentParser:
    """Return the options of all kinds of inventories."""
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        '--set',
        metavar='[DRIVER.]OPTION=VALUE',
        action='append',
        default=[],
        type=_default,
        help='option of all wattmeters, or those of a driver, that have no '
        'value of their own; can be repeated',
    )
    common.add_argument(
        '--output',
        metavar='FILE',
        type=pathlib.Path,
        help='update this file instead of printing the sections without '
        'secrets. The agent reads it from a --config-dir if its name ends '
        'with .conf',
    )
    common.add_argument(
        '--dry-run',
        action='store_true',
        help='show how the output file would change, without secrets',
    )
    common.add_argument(
        '--force',
        action='store_true',
        help='overwrite the output file, whatever it contains',
    )
    return common


def _default(text: str) -> defaults.Default:
    try:
        return defaults.Default.parse(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f'{text}: expected OPTION=VALUE or DRIVER.OPTION=VALUE'
        ) from None
