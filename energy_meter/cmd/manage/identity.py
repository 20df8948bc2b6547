# SPDX-License-Identifier: Apache-2.0

"""Commands for Keystone and Gnocchi."""

import argparse
import sys

from oslo_config import cfg

from energy_meter.clients import gnocchi
from energy_meter.clients import keystone
from energy_meter.cmd.manage import base
from energy_meter.db import engine as db_engine
from energy_meter.db import probes
from energy_meter.db import sums


def add_commands(areas: base.Areas) -> None:
    """Add the commands to the parser."""
    identity = base.Area(areas, 'keystone', 'Set up Keystone.')
    _add_service_user(
        identity.add(
            'register',
            _keystone_register,
            'Create the user, the service and the endpoints of the API. Set '
            'the OS_* variables or OS_CLOUD of an administrator. The password '
            f'of the new user is read from {keystone.PASSWORD_VARIABLE} or '
            'prompted for.',
        )
    )
    store = base.Area(areas, 'gnocchi', 'Set up Gnocchi for Ceilometer.')
    store.add(
        'setup',
        _gnocchi_setup,
        'Create the archive policies and the resource type that Ceilometer '
        'uses for probes. Set the OS_* variables or OS_CLOUD of an '
        'administrator.',
    )
    store.add(
        'check',
        _gnocchi_check,
        'Find probes that would share one resource in Gnocchi.',
    )


def _add_service_user(parser: argparse.ArgumentParser) -> None:
    service_user = keystone.ServiceUser()
    parser.add_argument(
        '--url',
        required=True,
        help='URL of the API, for example http://controller:8878',
    )
    for interface in keystone.INTERFACES:
        parser.add_argument(
            f'--{interface}-url',
            help=f'URL of the {interface} endpoint, if it differs',
        )
    parser.add_argument('--region', help='region of the endpoints')
    parser.add_argument(
        '--user',
        default=service_user.user,
        help='service user of the API (default: %(default)s)',
    )
    parser.add_argument(
        '--project',
        default=service_user.project,
        help='project of the service user (default: %(default)s)',
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
        keystone.ServiceUser(command.user, command.project),
    )


def _gnocchi_setup(conf: cfg.ConfigOpts) -> None:
    if not gnocchi.setup(keystone.connect()):
        sys.exit(
            f'{base.PROG}: the above differs in Gnocchi from what this '
            'release creates; nothing was changed there'
        )


def _gnocchi_check(conf: cfg.ConfigOpts) -> None:
    with db_engine.connect(conf).begin() as connection:
        ids = {
            *probes.list_ids(connection, base.FOREVER_S),
            *(
                total.id
                for total in sums.list_states(connection, base.FOREVER_S)
            ),
        }
    collisions = list(gnocchi.collisions(ids))
    for resource, group in collisions:
        print(f'{" and ".join(group)} would share the resource {resource}')
    if collisions:
        sys.exit(
            f'{base.PROG}: rename all but one of these probes; Gnocchi would '
            'mix their measures'
        )
    print(f'{len(ids)} probes, each with its own resource')
