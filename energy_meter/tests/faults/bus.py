# SPDX-License-Identifier: Apache-2.0

"""Buses that block, break or lose messages."""

from energy_meter.tests.faults import fault
from energy_meter.tests.faults import installation
from energy_meter.tests.faults import processes
from energy_meter.tests.faults import relay
from energy_meter.tests.functional.services import namespaces
from energy_meter.tests.functional.services import rabbitmq

#: Milliseconds after which the broker takes a batch away from who holds it.
CONSUMER_TIMEOUT = 5000


class Alarm(fault.Fault):
    """The broker is short of memory and blocks whoever publishes."""

    def begin(self, site: installation.Installation) -> None:
        self._set(site, 'absolute', '1MB')

    def has_effect(self, site: installation.Installation) -> bool:
        return site.stands_still()

    def end(self, site: installation.Installation) -> None:
        self._set(site, '0.4')

    @staticmethod
    def _set(site: installation.Installation, *words: str) -> None:
        assert site.broker is not None
        site.broker.ctl('set_vm_memory_high_watermark', *words)


class NodeLoss(processes.Kill):
    """One of three nodes of a cluster dies and comes back."""

    def prepare(self, site: installation.Installation) -> None:
        cluster = site.useFixture(rabbitmq.Cluster())
        site.broker = self.chance.choice(cluster.nodes)
        site.agent_bus = site.reader_bus = cluster.url


class Cut(fault.Fault):
    """The cable between the agents' network and the broker's is cut."""

    def prepare(self, site: installation.Installation) -> None:
        near, far = (site.useFixture(namespaces.Namespace()) for _ in range(2))
        self._link = site.useFixture(namespaces.Link(near, far))
        site.broker = site.useFixture(rabbitmq.RabbitMQ(namespace=far))
        site.reader_bus = site.broker.url
        site.agent_bus = site.broker.url.replace(
            '127.0.0.1', self._link.far_address
        )
        # From there, 127.0.0.1 is not where the database listens.
        site.by_socket = True
        for name in installation.AGENTS:
            near.put(site.processes[name])
        for name in (*installation.COLLECTORS, 'rrd'):
            far.put(site.processes[name])

    def begin(self, site: installation.Installation) -> None:
        self._link.cut()

    def has_effect(self, site: installation.Installation) -> bool:
        return site.stands_still()

    def end(self, site: installation.Installation) -> None:
        self._link.mend()


class Lossy(fault.Fault):
    """30 % of the messages are lost, 30 % repeated, most out of order."""

    # Fifty messages.
    least = 5.0

    def prepare(self, site: installation.Installation) -> None:
        broker = site.peers.broker
        site.agent_bus, site.reader_bus = (
            broker.add_vhost() for _ in range(2)
        )
        self._relay = site.useFixture(
            relay.Relay(site.agent_bus, site.reader_bus, self.chance)
        )

    def begin(self, site: installation.Installation) -> None:
        self._relay.lossy.set()

    def has_effect(self, site: installation.Installation) -> bool:
        return all(self._relay.fates.values())

    def end(self, site: installation.Installation) -> None:
        self._relay.lossy.clear()


class ConsumerTimeout(processes.Stop):
    """The database is away for so long that the broker loses its patience.

    A collector holds its batch meanwhile; RabbitMQ closes the channel of a
    reader that does not acknowledge, after half an hour unless it is told
    otherwise.
    """

    least = 4 * CONSUMER_TIMEOUT / 1000

    def prepare(self, site: installation.Installation) -> None:
        site.broker = site.useFixture(
            rabbitmq.RabbitMQ({'consumer_timeout': CONSUMER_TIMEOUT})
        )
        # How often it looks, in milliseconds.
        site.broker.ctl(
            'eval', 'application:set_env(rabbit, channel_tick_interval, 1000).'
        )

    def has_effect(self, site: installation.Installation) -> bool:
        return (
            'timed out waiting for delivery acknowledgement'
            in site.processes['broker'].output()
        )
