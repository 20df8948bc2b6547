# SPDX-License-Identifier: Apache-2.0

"""Fixture for Ironic."""

import json
import os
import typing

import requests

from energy_meter.tests.functional.services import base
from energy_meter.tests.functional.services import stack

#: Kinds of interfaces, and the implementation for which no hardware exists.
_INTERFACES = {
    'bios': 'fake',
    'boot': 'fake',
    'console': 'no-console',
    'deploy': 'fake',
    'firmware': 'fake',
    'inspect': 'fake',
    'management': 'fake',
    'network': 'noop',
    'power': 'fake',
    'raid': 'fake',
    'rescue': 'no-rescue',
    'storage': 'noop',
    'vendor': 'fake',
}


class Ironic(base.Process):
    """Ironic's API and conductor in one process, with fake hardware.

    The API does not authenticate its clients.
    """

    def __init__(self) -> None:
        """Choose the port.

        :raises unittest.SkipTest: if Ironic is not installed.
        """
        self.port = base.free_port()
        self.url = f'http://127.0.0.1:{self.port}'
        super().__init__([stack.program('ironic')], ready=self._has_conductor)

    def prepare(self) -> None:
        """Configure Ironic and create its tables."""
        configuration = self.directory / 'ironic.conf'
        configuration.write_text(self._configuration())
        self.argv += ['--config-file', os.fspath(configuration)]
        base.run(
            [
                stack.program('ironic-dbsync'),
                '--config-file',
                configuration,
                'create_schema',
            ]
        )
        # openstacksdk reads it in the working directory and in this one.
        clouds = {'auth_type': 'none', 'auth': {'endpoint': self.url}}
        (self.directory / 'clouds.yaml').write_text(
            json.dumps({'clouds': {'ironic': clouds}})
        )

    def _configuration(self) -> str:
        interfaces = '\n'.join(
            f'enabled_{kind}_interfaces = {implementation}'
            for kind, implementation in _INTERFACES.items()
        )
        return (
            '[DEFAULT]\n'
            'auth_strategy = noauth\n'
            'enabled_hardware_types = fake-hardware\n'
            f'{interfaces}\n'
            # API and conductor are one process.
            'rpc_transport = none\n'
            'host = localhost\n'
            'my_ip = 127.0.0.1\n'
            f'tempdir = {self.directory}\n'
            '[api]\n'
            'host_ip = 127.0.0.1\n'
            f'port = {self.port}\n'
            'api_workers = 1\n'
            '[database]\n'
            f'connection = sqlite:///{self.directory}/ironic.sqlite\n'
            '[oslo_concurrency]\n'
            f'lock_path = {self.directory}\n'
        )

    def _has_conductor(self) -> bool:
        try:
            drivers = requests.get(f'{self.url}/v1/drivers', timeout=5).json()
        except requests.RequestException:
            return False
        return bool(drivers['drivers'])

    @property
    def environment(self) -> dict[str, str]:
        """Environment of clients of this Ironic."""
        return {
            'OS_CLOUD': 'ironic',
            'OS_CLIENT_CONFIG_FILE': os.fspath(self.directory / 'clouds.yaml'),
        }

    def add_node(self, name: str | None, **driver_info: object) -> str:
        """Create a node and return its UUID."""
        created = requests.post(
            f'{self.url}/v1/nodes',
            json={
                'driver': 'fake-hardware',
                'name': name,
                'driver_info': driver_info,
            },
            headers={'X-OpenStack-Ironic-API-Version': 'latest'},
            timeout=30,
        )
        created.raise_for_status()
        document: dict[str, typing.Any] = created.json()
        return str(document['uuid'])
