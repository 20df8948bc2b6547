# SPDX-License-Identifier: Apache-2.0

"""Private RabbitMQ nodes, one by one and in a cluster."""

import collections.abc
from concurrent import futures
import json
import os
import uuid

from energy_meter.tests.functional.services import base
from energy_meter.tests.functional.services import namespaces

#: Debian's wrappers in /usr/sbin would change the user and the directory.
SCRIPTS = '/usr/lib/rabbitmq/bin'

_NO_SETTINGS: collections.abc.Mapping[str, object] = {}


class RabbitMQ(base.Process):
    """One RabbitMQ node, with its own epmd, data, cookie and ports.

    Stopped or killed, it can be started again on the same data.

    :param settings: of ``rabbitmq.conf``, beside those of the fixture.
    :param namespace: the network to run in, where all may come in; by
        default that of the tests, with nothing but 127.0.0.1.
    :param peer: a running node of this network: join it in a cluster.
    """

    def __init__(
        self,
        settings: collections.abc.Mapping[str, object] = _NO_SETTINGS,
        namespace: namespaces.Namespace | None = None,
        peer: 'RabbitMQ | None' = None,
    ) -> None:
        """Choose the ports; data live in a directory of the fixture's."""
        self.port = base.free_port()
        #: Of ``rabbitmq.conf``; they are written before the first start.
        self.settings = dict(settings)
        self._namespace = namespace
        self._peer = peer
        #: The name of the node.
        self.node = f'test{self.port}@localhost'
        #: The virtual host `/`, as oslo.messaging takes it.
        self.url = self.vhost_url('')
        super().__init__(
            [f'{SCRIPTS}/rabbitmq-server'],
            ready=lambda: self._listening(self.port),
        )
        self._place(self)

    def prepare(self) -> None:
        """Start epmd, write the configuration and name all of its places."""
        # The first node of a cluster lends the others its epmd and its home,
        # where the cookie is.
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
            'RABBITMQ_CTL_ERL_ARGS': '-kernel inet_dist_use_interface {127,0,0,1}',
            'RABBITMQ_DIST_PORT': str(base.free_port()),
            'RABBITMQ_ENABLED_PLUGINS_FILE': os.fspath(plugins),
            'RABBITMQ_LOG_BASE': os.fspath(self.directory / 'log'),
            'RABBITMQ_MNESIA_BASE': os.fspath(self.directory / 'mnesia'),
            'RABBITMQ_NODENAME': self.node,
            # The script becomes the server instead of its parent, so that
            # signals reach the server.
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
        address = '0.0.0.0' if self._namespace else '127.0.0.1'  # noqa: S104
        configuration: dict[str, object] = {
            'listeners.tcp.1': f'{address}:{self.port}',
            'loopback_users': 'none',
            'distribution.listener.interface': '127.0.0.1',
            'log.console': 'true',
            'log.console.level': 'warning',
            'log.file': 'false',
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
        """Return the URL of a virtual host, as oslo.messaging takes it."""
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
    """Three nodes on one machine, each to be stopped or killed on its own.

    :ivar nodes: the nodes; the first also has their epmd and cookie, which
        stay while it is stopped or killed.
    :ivar url: of the virtual host `/`, with all hosts.
    """

    def _setUp(self) -> None:
        first = self.useFixture(RabbitMQ())
        others = [RabbitMQ(peer=first) for _ in range(2)]
        # Each takes seconds, hence at once; and ends when the thread ends
        # that started it, hence the threads stay.
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
