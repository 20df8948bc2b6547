# SPDX-License-Identifier: Apache-2.0

"""Commands for Keystone."""

import argparse

from oslo_config import cfg

from energy_meter.clients import keystone
from energy_meter.cmd.manage import base


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
