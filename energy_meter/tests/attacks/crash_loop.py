# SPDX-License-Identifier: Apache-2.0

"""An agent in a crash loop, against the measurements of another agent.

Each start of the agent opens a register for each of its probes. The collector
finds the messages of all starts in its queue, and behind them one of another
agent.
"""

import concurrent.futures
import multiprocessing
import threading
import time
import typing
from unittest import mock

from oslo_config import cfg
import oslo_messaging
from oslo_messaging import transport as messaging_transport
import sqlalchemy as sa

from energy_meter import measurement
from energy_meter.bus import publisher
from energy_meter.bus import transport
from energy_meter.collector import service
from energy_meter.collector import settling
from energy_meter.collector import writer
from energy_meter.db import schema
from energy_meter.tests.attacks import attack
from energy_meter.tests.functional import simulation
from energy_meter.tests.functional.services import rabbitmq

#: Number of probes of the agent, and of its starts.
PROBES, STARTS = 1000, 120

_OTHER = 'other'

#: Seconds after which an attack that has not ended counts as successful.
MAX_SECONDS = 300.0

#: By name, whether the agent keeps its state: then the registers of a start
#: follow those of the last one.
ATTACKS = {'crash-loop': True, 'crash-loop-without-state': False}


def run(name: str) -> attack.Figures:
    """Run one attack of :data:`ATTACKS`."""
    with (
        simulation.database('postgresql') as engine,
        rabbitmq.RabbitMQ() as broker,
        concurrent.futures.ProcessPoolExecutor(
            1, multiprocessing.get_context('spawn')
        ) as pool,
    ):
        url = engine.url.render_as_string(hide_password=False)
        return pool.submit(
            measure, url, broker.add_vhost(), ATTACKS[name]
        ).result(MAX_SECONDS)


def measure(url: str, bus: str, has_state: bool) -> attack.Figures:
    """Read what the agents sent, and measure this process.

    :param url: of the database.
    :param bus: URL of the broker.
    :param has_state: whether the agent keeps its state.
    """
    conf = simulation.configure(url)
    conf.set_override('transport_url', bus)
    conf.set_override('secrets', ['secret'], 'bus')
    collector = service.Collector(conf, lambda: conf)
    batches = _Batches(collector._writer, _publish(conf, has_state))
    usage = attack.Usage()
    with mock.patch.object(collector._writer, 'write', batches.write):
        collector._consumer.start()
        batches.finished.wait(MAX_SECONDS)
    delay, longest = _settle(collector)
    with collector._engine.connect() as connection:
        rows = connection.scalar(
            sa.select(sa.func.count()).select_from(schema.register)
        )
    figures = usage.figures(
        batches.delay,
        f'{rows} registers; other agent in batch {batches.number} of '
        f'{batches.count}; slowest {batches.slowest:.1f} s; settled after '
        f'{delay:.1f} s; longest settling {longest:.1f} s',
    )
    collector.stop()
    return figures


def _publish(conf: cfg.ConfigOpts, has_state: bool) -> int:
    """Publish the measurements of all starts, and those of another agent.

    :returns: number of measurements.
    """
    connection = transport.connect(conf)
    _create_queue(connection)
    bus = publisher.MeasurementPublisher(
        connection, transport.keyring(conf), 'attack'
    )
    agent = simulation.Agent('agent', PROBES)
    for _ in range(STARTS):
        bus.publish(agent.measure())
        if has_state:
            agent.restart()
        else:
            agent = simulation.Agent('agent', PROBES)
    for _ in range(2):
        # The second register follows no other, so it contests the probe.
        bus.publish(simulation.Agent(_OTHER, 1, 'z').measure())
    return STARTS * PROBES + 2


def _create_queue(
    connection: messaging_transport.NotificationTransport,
) -> None:
    """Create the queue of the collectors, as their first start does."""
    target = oslo_messaging.Target(
        exchange=transport.EXCHANGE, topic=transport.TOPIC
    )
    connection._listen_for_notifications(
        {(target, transport.PRIORITY)}, None, 1, None
    ).cleanup()


class _Batches:
    """Batches that a collector writes.

    :ivar slowest: seconds of the slowest.
    :ivar delay: seconds until the other agent is written.
    :ivar number: of the batch with which it is.
    """

    def __init__(self, to: writer.Writer, waiting: int) -> None:
        self.slowest = self.delay = 0.0
        self.number = self.count = 0
        self.finished = threading.Event()
        self._write = to.write
        self._waiting = waiting
        self._started = time.monotonic()

    def write(self, measurements: list[measurement.Measurement]) -> None:
        """Write a batch."""
        started = time.monotonic()
        self._write(measurements)
        ended = time.monotonic()
        self.count += 1
        self.slowest = max(self.slowest, ended - started)
        if any(each.probe.agent == _OTHER for each in measurements):
            self.delay, self.number = ended - self._started, self.count
        self._waiting -= len(measurements)
        if not self._waiting:
            self.finished.set()


def _settle(collector: service.Collector) -> tuple[float, float]:
    """Settle all probes that are contested.

    :returns: seconds until the other agent's is, and those of the longest
        transaction, for which batches may wait.
    """
    settle = settling.settle
    began = time.monotonic()
    delay = longest = 0.0

    def timed(*arguments: typing.Any) -> set[str]:
        nonlocal delay, longest
        started = time.monotonic()
        settled = settle(*arguments)
        longest = max(longest, time.monotonic() - started)
        if 'z-00000' in settled:
            delay = time.monotonic() - began
        return settled

    with mock.patch.object(settling, 'settle', timed):
        collector._settler.settle()
    return delay, longest
