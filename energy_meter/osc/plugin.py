# SPDX-License-Identifier: Apache-2.0

"""Plugin for python-openstackclient: ``openstack energy ...``."""

import argparse
import typing

from osc_lib import utils

from energy_meter.clients import api

API_NAME = 'energy'
API_VERSION_OPTION = 'os_energy_api_version'
API_VERSIONS = ('1',)
DEFAULT_API_VERSION = '1'


def make_client(instance: typing.Any) -> api.Client:
    """Return the client for ``client_manager.energy``.

    :param instance: openstackclient's ``ClientManager``.
    """
    instance.setup_auth()
    return api.Client(
        instance.session,
        interface=instance.interface,
        region_name=instance.region_name,
        endpoint_override=instance.get_configuration().get(
            'energy_endpoint_override'
        ),
    )


def build_option_parser(
    parser: argparse.ArgumentParser,
) -> argparse.ArgumentParser:
    """Add the global options of the plugin."""
    parser.add_argument(
        '--os-energy-api-version',
        metavar='<energy-api-version>',
        default=utils.env('OS_ENERGY_API_VERSION'),
        help=f'Energy API version, default={DEFAULT_API_VERSION} '
        '(Env: OS_ENERGY_API_VERSION)',
    )
    return parser
