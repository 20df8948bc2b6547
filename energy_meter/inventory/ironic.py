# SPDX-License-Identifier: Apache-2.0

"""Inventory of Ironic: the BMCs of its bare metal nodes.

Ironic never returns the passwords of BMCs.
"""

import collections.abc
import typing

from keystoneauth1 import exceptions as keystone_exceptions
from openstack import exceptions as sdk_exceptions

from energy_meter import exception
from energy_meter.clients import keystone
from energy_meter.inventory import device

_ERRORS = (keystone_exceptions.ClientException, sdk_exceptions.SDKException)

_NO_ADDRESS = (
    'driver_info shows neither ipmi_address nor redfish_address; only a '
    'reader of all projects can see it'
)


def load(cloud: str | None) -> device.Inventory:
    """Return the devices of all nodes.

    :param cloud: name of an entry of clouds.yaml; by default OS_CLOUD.
    :raises CloudLoginFailed: if the credentials are missing or incomplete.
    :raises ConfigurationError: if Ironic does not list its nodes.
    """
    connection = keystone.connect(cloud)
    try:
        nodes = list(
            connection.baremetal.nodes(fields=['uuid', 'name', 'driver_info'])
        )
    except _ERRORS as error:
        raise exception.ConfigurationError(f'Ironic: {error}') from None
    named = {node.name or node.id: node.driver_info or {} for node in nodes}
    return device.inventory(
        (name, _device(name, named[name])) for name in sorted(named)
    )


def _device(
    name: str, driver_info: collections.abc.Mapping[str, typing.Any]
) -> device.Device | str:
    """Return the BMC of a node, or the reason why there is none."""
    if driver_info.get('redfish_address'):
        options = _redfish(driver_info)
    elif driver_info.get('ipmi_address'):
        options = {
            'driver': 'ipmi',
            'host': driver_info['ipmi_address'],
            'port': driver_info.get('ipmi_port'),
            'username': driver_info.get('ipmi_username'),
        }
    else:
        return _NO_ADDRESS
    return device.Device(
        name,
        {
            option: str(value)
            for option, value in options.items()
            if value is not None
        },
        'Ironic',
    )


def _redfish(
    driver_info: collections.abc.Mapping[str, typing.Any],
) -> dict[str, object]:
    address = driver_info['redfish_address']
    # True, False, or the path of CA certificates.
    verify = driver_info.get('redfish_verify_ca', True)
    is_file = isinstance(verify, str) and '/' in verify
    return {
        'driver': 'redfish',
        'url': address if '://' in address else f'https://{address}',
        'username': driver_info.get('redfish_username'),
        'ca_file': verify if is_file else None,
        'verify': None if is_file or verify is True else str(verify),
    }
