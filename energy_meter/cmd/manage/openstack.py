# SPDX-License-Identifier: Apache-2.0

"""Commands about Keystone and Gnocchi."""

import argparse
import sys

from oslo_config import cfg

from energy_meter import gnocchi
from energy_meter import keystone
from energy_meter.cmd.manage import base
from energy_meter.db import engine as db_engine
from energy_meter.db import probes
from energy_meter.db import sums


def add_commands(areas: base.Areas) -> None:
    identity = base.Area(areas, 'keystone', 'The entries in Keystone.')
    _add_account(
        identity.add(
            'register',
            _keystone_register,
            'Make user, service and endpoints. Log in as an administrator by the '
            'OS_* variables or OS_CLOUD; the password of the new user is taken '
            f'from {keystone.PASSWORD_VARIABLE} or asked for.',
        )
    )
    store = base.Area(areas, 'gnocchi', "Gnocchi as Ceilometer's store.")
    store.add(
        'setup',
        _gnocchi_setup,
        'Make the archive policies and the resource type under which '
        'Ceilometer stores probes. Log in as an administrator by the OS_* '
        'variables or OS_CLOUD.',
    )
    store.add(
        'check', _gnocchi_check, 'Find probes that Gnocchi can not tell apart.'
    )


def _add_account(parser: argparse.ArgumentParser) -> None:
    account = keystone.Account()
    parser.add_argument(
        '--url',
        required=True,
        help='URL of the API, such as http://controller:8878',
    )
    for interface in keystone.INTERFACES:
        parser.add_argument(
            f'--{interface}-url',
            help=f'URL of the {interface} endpoint, if it is another',
        )
    parser.add_argument('--region', help='region of the endpoints')
    parser.add_argument(
        '--user',
        default=account.user,
        help='user as whom the API logs in (default: %(default)s)',
    )
    parser.add_argument(
        '--project',
        default=account.project,
        help='project of that user (default: %(default)s)',
    )


def _keystone_register(conf: cfg.ConfigOpts) -> None:
    command = conf.command
    urls = {
        interface: getattr(command, f'{interface}_url') or command.url
        for interface in keystone.INTERFACES
    }
    keystone.register(
        keystone.connect(),
        urls,
        command.region,
        keystone.Account(command.user, command.project),
    )


def _gnocchi_setup(conf: cfg.ConfigOpts) -> None:
    if not gnocchi.setup(keystone.connect()):
        sys.exit(
            f'{base.PROG}: Gnocchi has the above otherwise than this '
            'release makes it. It is left as it is'
        )


def _gnocchi_check(conf: cfg.ConfigOpts) -> None:
    with db_engine.connect(conf).begin() as connection:
        ids = {
            *probes.list_ids(connection, base.FOREVER),
            *(item.id for item in sums.list_states(connection, base.FOREVER)),
        }
    collisions = list(gnocchi.collisions(ids))
    for resource, group in collisions:
        print(f'{" and ".join(group)} would share the resource {resource}')
    if collisions:
        sys.exit(
            f'{base.PROG}: rename all but one: Gnocchi would mix their '
            'measures'
        )
    print(f'{len(ids)} probes, each a resource of its own')
