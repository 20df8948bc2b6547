# SPDX-License-Identifier: Apache-2.0

"""Buses with the RabbitMQ definitions that this project ships."""

import json
import os
import pathlib
import typing
import uuid

import energy_meter
from energy_meter.tests.functional.services import rabbitmq

FILE = (
    pathlib.Path(energy_meter.__file__).parents[1]
    / 'etc'
    / 'rabbitmq'
    / 'definitions.json'
)


def definitions() -> dict[str, typing.Any]:
    """Return the content of the file."""
    return json.loads(FILE.read_text())


class Bus:
    """A bus with the definitions of the file, in its own virtual host.

    The password of each user is its name. The user guest has all
    permissions.

    :param policy: replaces values of the policy.
    :ivar vhost: name of the virtual host.
    """

    def __init__(self, broker: rabbitmq.RabbitMQ, **policy: object) -> None:
        self._broker = broker
        self.vhost = f'test-{uuid.uuid4().hex}'
        content = definitions()
        content['permissions'].append(
            {'user': 'guest', 'configure': '.*', 'write': '.*', 'read': '.*'}
        )
        for definition in (*content['permissions'], *content['policies']):
            definition['vhost'] = self.vhost
        content['vhosts'] = [{'name': self.vhost}]
        content['users'] = [
            {'name': user['name'], 'password': user['name'], 'tags': []}
            for user in content['users']
        ]
        content['policies'][0]['definition'] |= policy
        path = broker.directory / f'{self.vhost}.json'
        path.write_text(json.dumps(content))
        broker.ctl('import_definitions', os.fspath(path))

    def url(self, user: str) -> str:
        """Return the URL for a user."""
        return self._broker.vhost_url(self.vhost).replace(
            'guest:guest', f'{user}:{user}'
        )

    def bound(self) -> set[str]:
        """Return the queues that are bound to the exchange."""
        lines = self._broker.ctl(
            'list_bindings',
            '-p',
            self.vhost,
            'source_name',
            'destination_name',
        ).splitlines()
        rows = [line.split('\t') for line in lines]
        return {queue for source, queue in rows if source == 'energy_meter'}

    def queues(self, *columns: str) -> dict[str, list[str]]:
        """Return columns of rabbitmqctl list_queues, by queue."""
        lines = self._broker.ctl(
            'list_queues', '-p', self.vhost, 'name', *columns
        ).splitlines()
        rows = [line.split('\t') for line in lines]
        return {name: values for name, *values in rows}
