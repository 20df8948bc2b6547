# SPDX-License-Identifier: Apache-2.0


"""The definitions for RabbitMQ that this project ships."""

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
    """Read the file."""
    return json.loads(FILE.read_text())


class Bus:
    """A bus as the file defines it, under another name.

    The password of each user is its name. The user guest may do everything,
    too.

    :param policy: replaces values of the policy.
    :ivar vhost: its virtual host.
    """

    def __init__(self, broker: rabbitmq.RabbitMQ, **policy: object) -> None:
        self._broker = broker
        self.vhost = f'test-{uuid.uuid4().hex}'
        content = definitions()
        content['permissions'].append(
            {'user': 'guest', 'configure': '.*', 'write': '.*', 'read': '.*'}
        )
        for item in (*content['permissions'], *content['policies']):
            item['vhost'] = self.vhost
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
        """Give the URL for a user."""
        return self._broker.vhost_url(self.vhost).replace(
            'guest:guest', f'{user}:{user}'
        )

    def queues(self, *columns: str) -> dict[str, list[str]]:
        """Ask the broker for columns of each queue, by its name."""
        lines = self._broker.ctl(
            'list_queues', '-p', self.vhost, 'name', *columns
        ).splitlines()
        rows = [line.split('\t') for line in lines]
        return {name: values for name, *values in rows}
