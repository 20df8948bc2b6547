# SPDX-License-Identifier: Apache-2.0

"""Fixtures for RabbitMQ nodes and a cluster of them."""

import collections.abc
from concurrent import futures
import json
import os
import pathlib
import uuid

import energy_meter
from energy_meter.tests.functional.services import base
from energy_meter.tests.functional.services import namespaces

#: Debian's wrappers in /usr/sbin would change the user and the directory.
SCRIPTS = '/usr/lib/rabbitmq/bin'

#: Settings that this project ships.
_SHIPPED = (
    pathlib.Path(energy_meter.__file__).parents[1]
    / 'etc'
    / 'rabbitmq'
    / 'energy_meter.conf'
)

_NO_SETTINGS: collections.abc.Mapping[str, object] = {}


class RabbitMQ(base.Process):
    """RabbitMQ node with its own epmd, data, cookie and ports.

    It can be restarted on the same data after a stop or kill.

    :param settings: additional settings for ``rabbitmq.conf``.
    :param namespace: namespace to run in, on all interfaces; by default that
        of the tests, on 127.0.0.1 only.
    :param peer: running node whose cluster to join.
    """

    def __init__(
        self,
        settings: collections.abc.Mapping[str, object] = _NO_SETTINGS,
        namespace: namespaces.Namespace | None = None,
        peer: 'RabbitMQ | None' = None,
    ) -> None:
        """Choose the ports; the data is in the directory of the fixture."""
        self.port = base.free_port()
        #: Settings for ``rabbitmq.conf``, written before the first start.
        self.settings = dict(settings)
        self._namespace = namespace
        self._peer = peer
        #: Name of the node.
        self.node = f'test{self.port}@localhost'
        #: URL of the virtual host `/` for oslo.messaging.
        self.url = self.vhost_url('')
        super().__init__(
            [f'{SCRIPTS}/rabbitmq-server'],
            ready=lambda: self._listening(self.port),
        )
        self._place(self)

    def prepare(self) -> None:
        """Start epmd, write the configuration and set all paths."""
        # All nodes of a cluster use the epmd of the first, and its home
        # directory, which has the cookie.
        first = self._peer or self
        if first is self:
            self._start_epmd()
        config = self.directory / 'rabbitmq.conf'
        config.write_text(
            ''.join(
                f'{name} = {value}\n'
                for name, value in self._configuration().items()
            )
        )
        plugins = self.directory / 'enabled_plugins'
        plugins.write_text('[].')
        self.env |= {
            'HOME': os.fspath(first.directory),
            'ERL_EPMD_ADDRESS': '127.0.0.1',
            'ERL_EPMD_PORT': str(first.epmd_port),
            'RABBITMQ_CONFIG_FILE': os.fspath(config),
            'RABBITMQ_CONF_ENV_FILE': os.devnull,
            'RABBITMQ_CTL_ERL_ARGS': (
                '-kernel inet_dist_use_interface {127,0,0,1}'
            ),
            'RABBITMQ_DIST_PORT': str(base.free_port()),
            'RABBITMQ_ENABLED_PLUGINS_FILE': os.fspath(plugins),
            'RABBITMQ_LOG_BASE': os.fspath(self.directory / 'log'),
            'RABBITMQ_MNESIA_BASE': os.fspath(self.directory / 'mnesia'),
            'RABBITMQ_NODENAME': self.node,
            # The script replaces itself with the server, so that signals
            # reach the server.
            'RUNNING_UNDER_SYSTEMD': 'true',
        }

    def _start_epmd(self) -> None:
        self.epmd_port = base.free_port()
        self.useFixture(
            self._place(
                base.Process(
                    [
                        'epmd',
                        '-port',
                        str(self.epmd_port),
                        '-address',
                        '127.0.0.1',
                    ],
                    ready=lambda: self._listening(self.epmd_port),
                )
            )
        )

    def _configuration(self) -> dict[str, object]:
        address = '0.0.0.0' if self._namespace else '127.0.0.1'
        configuration: dict[str, object] = {
            'listeners.tcp.1': f'{address}:{self.port}',
            'loopback_users': 'none',
            'distribution.listener.interface': '127.0.0.1',
            'log.console': 'true',
            'log.console.level': 'warning',
            'log.file': 'false',
            **_shipped(),
        }
        if self._peer:
            configuration |= {
                'cluster_formation.peer_discovery_backend': 'classic_config',
                'cluster_formation.classic_config.nodes.1': self._peer.node,
            }
        return configuration | self.settings

    def _place(self, process: base.Process) -> base.Process:
        return self._namespace.put(process) if self._namespace else process

    def _listening(self, port: int) -> bool:
        return (self._namespace or base).listening(port)

    def vhost_url(self, vhost: str) -> str:
        """Return the URL of a virtual host for oslo.messaging."""
        return f'rabbit://guest:guest@127.0.0.1:{self.port}/{vhost}'

    def add_vhost(self) -> str:
        """Create a virtual host and return its URL."""
        vhost = f'test-{uuid.uuid4().hex}'
        everything = {'configure': '.*', 'write': '.*', 'read': '.*'}
        definitions = self.directory / f'{vhost}.json'
        definitions.write_text(
            json.dumps(
                {
                    'vhosts': [{'name': vhost}],
                    'permissions': [
                        {'user': 'guest', 'vhost': vhost, **everything}
                    ],
                }
            )
        )
        self.ctl('import_definitions', os.fspath(definitions))
        return self.vhost_url(vhost)

    def ctl(self, *args: str) -> str:
        """Run rabbitmqctl and return its output."""
        command = [f'{SCRIPTS}/rabbitmqctl', '--silent', *args]
        if self._namespace:
            command = self._namespace.inside(*command)
        return base.run(command, env=self.env)


class Cluster(base.Service):
    """Cluster of three nodes that can be stopped or killed separately.

    :ivar nodes: the nodes; epmd and cookie belong to the first, and remain
        while it is stopped or killed.
    :ivar url: URL of the virtual host `/`, with all hosts.
    """

    def _setUp(self) -> None:
        first = self.useFixture(RabbitMQ())
        others = [RabbitMQ(peer=first) for _ in range(2)]
        # Start them in parallel, as each takes seconds. Keep the threads: a
        # process ends with the thread that started it.
        pool = futures.ThreadPoolExecutor()
        self.addCleanup(pool.shutdown)
        list(pool.map(self.useFixture, others))
        self.nodes = [first, *others]
        self.url = self.vhost_url('')

    def vhost_url(self, vhost: str) -> str:
        """Return the URL of a virtual host, with all hosts."""
        hosts = ','.join(
            f'guest:guest@127.0.0.1:{node.port}' for node in self.nodes
        )
        return f'rabbit://{hosts}/{vhost}'


def _shipped() -> dict[str, object]:
    lines = _SHIPPED.read_text().splitlines()
    settings = (line.split(' = ') for line in lines if line[0] != '#')
    return dict(settings)
