# SPDX-License-Identifier: Apache-2.0

"""Faults of the bus: it blocks, breaks or loses messages."""

from energy_meter.tests.faults import fault
from energy_meter.tests.faults import installation
from energy_meter.tests.faults import processes
from energy_meter.tests.faults import relay
from energy_meter.tests.functional.services import namespaces
from energy_meter.tests.functional.services import rabbitmq

#: Milliseconds after which the broker closes the channel of a consumer that
#: does not acknowledge.
CONSUMER_TIMEOUT = 5000


class Alarm(fault.Fault):
    """The broker runs short of memory and blocks all publishers."""

    def begin(self, site: installation.Installation) -> None:
        self._set(site, 'absolute', '1MB')

    def has_effect(self, site: installation.Installation) -> bool:
        return site.is_stalled()

    def end(self, site: installation.Installation) -> None:
        self._set(site, '0.4')

    @staticmethod
    def _set(site: installation.Installation, *watermark: str) -> None:
        assert site.broker is not None
        site.broker.ctl('set_vm_memory_high_watermark', *watermark)


class NodeLoss(processes.Kill):
    """One of the three nodes of a cluster is killed and restarted."""

    def prepare(self, site: installation.Installation) -> None:
        cluster = site.useFixture(rabbitmq.Cluster())
        site.broker = self.rng.choice(cluster.nodes)
        site.agent_bus = site.reader_bus = cluster.url


class Cut(fault.Fault):
    """The link between the agents' and the broker's network fails."""

    def prepare(self, site: installation.Installation) -> None:
        near, far = (site.useFixture(namespaces.Namespace()) for _ in range(2))
        self._link = site.useFixture(namespaces.Link(near, far))
        site.broker = site.useFixture(rabbitmq.RabbitMQ(namespace=far))
        site.reader_bus = site.broker.url
        site.agent_bus = site.broker.url.replace(
            '127.0.0.1', self._link.far_address
        )
        # In that network namespace the database does not listen on 127.0.0.1.
        site.by_socket = True
        for name in installation.AGENTS:
            near.put(site.processes[name])
        for name in (*installation.COLLECTORS, 'rrd'):
            far.put(site.processes[name])

    def begin(self, site: installation.Installation) -> None:
        self._link.cut()

    def has_effect(self, site: installation.Installation) -> bool:
        return site.is_stalled()

    def end(self, site: installation.Installation) -> None:
        self._link.mend()


class Lossy(fault.Fault):
    """30 % of the messages are lost, 30 % repeated, most reordered."""

    # About fifty messages.
    min_duration_s = 5.0

    def prepare(self, site: installation.Installation) -> None:
        broker = site.peers.broker
        site.agent_bus, site.reader_bus = (
            broker.add_vhost() for _ in range(2)
        )
        self._relay = site.useFixture(
            relay.Relay(site.agent_bus, site.reader_bus, self.rng)
        )

    def begin(self, site: installation.Installation) -> None:
        self._relay.lossy.set()

    def has_effect(self, site: installation.Installation) -> bool:
        return all(self._relay.fates.values())

    def end(self, site: installation.Installation) -> None:
        self._relay.lossy.clear()


class ConsumerTimeout(processes.Stop):
    """The database is unavailable until the consumer timeout expires.

    The collector holds its batch meanwhile. RabbitMQ closes the channel of a
    consumer that does not acknowledge for ``consumer_timeout``, 30 minutes
    by default.
    """

    min_duration_s = 4 * CONSUMER_TIMEOUT / 1000

    def prepare(self, site: installation.Installation) -> None:
        site.broker = site.useFixture(
            rabbitmq.RabbitMQ({'consumer_timeout': CONSUMER_TIMEOUT})
        )
        # Interval of RabbitMQ's own check, in milliseconds.
        site.broker.ctl(
            'eval', 'application:set_env(rabbit, channel_tick_interval, 1000).'
        )

    def has_effect(self, site: installation.Installation) -> bool:
        return (
            'timed out waiting for delivery acknowledgement'
            in site.processes['broker'].output()
        )
