# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License. You may obtain
# a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
# WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
# License for the specific language governing permissions and limitations
# under the License.

"""A private RabbitMQ node."""

import json
import os
import uuid

from energy_meter.tests.functional.services import base

#: Debian's wrappers in /usr/sbin would change the user and the directory.
SCRIPTS = '/usr/lib/rabbitmq/bin'


class RabbitMQ(base.Process):
    """One RabbitMQ node, with its own epmd, data, cookie and ports.

    Stopped or killed, it can be started again on the same data.
    """

    def __init__(self) -> None:
        """Choose the ports; data live in a directory of the fixture's."""
        self.port = base.free_port()
        #: The virtual host `/`, as oslo.messaging takes it.
        self.url = self.vhost_url('')
        super().__init__([f'{SCRIPTS}/rabbitmq-server'],
                         ready=lambda: base.listening(self.port))

    def prepare(self) -> None:
        """Start epmd, write the configuration and name all of its places."""
        epmd_port = base.free_port()
        self.useFixture(base.Process(
            ['epmd', '-port', str(epmd_port), '-address', '127.0.0.1'],
            ready=lambda: base.listening(epmd_port)))
        config = self.directory / 'rabbitmq.conf'
        config.write_text(f'listeners.tcp.1 = 127.0.0.1:{self.port}\n'
                          'distribution.listener.interface = 127.0.0.1\n'
                          'log.console = true\n'
                          'log.console.level = warning\n'
                          'log.file = false\n')
        plugins = self.directory / 'enabled_plugins'
        plugins.write_text('[].')
        self.env |= {
            'HOME': os.fspath(self.directory),
            'ERL_EPMD_ADDRESS': '127.0.0.1',
            'ERL_EPMD_PORT': str(epmd_port),
            'RABBITMQ_CONFIG_FILE': os.fspath(config),
            'RABBITMQ_CONF_ENV_FILE': os.devnull,
            'RABBITMQ_CTL_ERL_ARGS':
                '-kernel inet_dist_use_interface {127,0,0,1}',
            'RABBITMQ_DIST_PORT': str(base.free_port()),
            'RABBITMQ_ENABLED_PLUGINS_FILE': os.fspath(plugins),
            'RABBITMQ_LOG_BASE': os.fspath(self.directory / 'log'),
            'RABBITMQ_MNESIA_BASE': os.fspath(self.directory / 'mnesia'),
            'RABBITMQ_NODENAME': f'test{self.port}@localhost',
            # The script becomes the server instead of its parent, so that
            # signals reach the server.
            'RUNNING_UNDER_SYSTEMD': 'true',
        }

    def vhost_url(self, vhost: str) -> str:
        """Return the URL of a virtual host, as oslo.messaging takes it."""
        return f'rabbit://guest:guest@127.0.0.1:{self.port}/{vhost}'

    def add_vhost(self) -> str:
        """Create a virtual host and return its URL."""
        vhost = f'test-{uuid.uuid4().hex}'
        everything = {'configure': '.*', 'write': '.*', 'read': '.*'}
        definitions = self.directory / f'{vhost}.json'
        definitions.write_text(json.dumps({
            'vhosts': [{'name': vhost}],
            'permissions': [{'user': 'guest', 'vhost': vhost, **everything}],
        }))
        self.ctl('import_definitions', os.fspath(definitions))
        return self.vhost_url(vhost)

    def ctl(self, *args: str) -> str:
        """Run rabbitmqctl and return its output."""
        return base.run([f'{SCRIPTS}/rabbitmqctl', '--silent', *args],
                        env=self.env)
