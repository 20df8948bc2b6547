# SPDX-License-Identifier: Apache-2.0

"""A simulated host with instances, and an agent that meters its CPU time."""

import collections
import collections.abc
import random
import typing

from energy_meter import cpu_usage
from energy_meter import measurement
from energy_meter.agent import metering
from energy_meter.agent import metrics
from energy_meter.agent import registers
from energy_meter.telemetry import counters
from energy_meter.tests import clocks
from energy_meter.tests import usages

AGENT = '9e107d9d-3721-4f2b-8a6e-0d6f5b1c2a34'
COUNTER = measurement.Counter(joules_per_tick=0.001)
PROBE = measurement.Probe(
    'node-1-cpu', 'node', 'node-1', 'node-1', 'dummy', 'meter-1'
)
SETTINGS = metering.Settings(PROBE, 100_000.0, 60.0, 'auto', {})
#: Length of an interval of the profile in seconds.
INTERVAL_S = 60


class Host:
    """A host that a test drives; its instances never compute unread.

    :ivar busy: CPU time of the host in ms.
    :ivar cpu: CPU time of all processes of each instance, by its UUID.
    """

    THREADS = 8

    def __init__(self) -> None:
        self.busy = 1_000_000
        self.cpu: collections.Counter[str] = collections.Counter()
        self._instances: dict[str, cpu_usage.Instance] = {}
        self._processes: dict[str, tuple[str, int]] = {}
        self._started = 0
        self._holder: str | None = None

    def start(self, number: int, **changes: typing.Any) -> None:
        """Start an instance, or start it again, with a new process."""
        started = usages.instance(number)._replace(**changes)
        self._started += 1
        self._instances[started.uuid] = started
        self._processes[started.uuid] = f'process-{self._started}', 0

    def change(self, number: int, **changes: typing.Any) -> None:
        """Change a running instance, for example its flavor."""
        uuid = usages.uuid(number)
        if uuid in self._instances:
            self._instances[uuid] = self._instances[uuid]._replace(**changes)

    def stop(self, number: int) -> None:
        """Stop an instance."""
        self._instances.pop(usages.uuid(number), None)
        self._processes.pop(usages.uuid(number), None)

    def give(self, number: int) -> None:
        """Pass the device through to an instance, if it runs."""
        self._holder = usages.uuid(number)

    def compute(
        self, busy: int, shares: collections.abc.Sequence[int]
    ) -> None:
        """Compute for some ms of CPU time.

        :param shares: parts of it that instances use, in the order of their
            UUIDs; in all at most ``busy``.
        """
        self.busy += busy
        # Some more instances may run.
        for uuid, used in zip(sorted(self._instances), shares, strict=False):
            process, ticks = self._processes[uuid]
            self._processes[uuid] = process, ticks + used
            self.cpu[uuid] += used

    def reading(self, busy: int | None = None) -> measurement.Reading:
        """Return what a driver reads.

        :param busy: wrong value of the host's counter; None for the true one.
        """
        uuids = sorted(self._instances)
        layout = cpu_usage.Layout(
            self.THREADS,
            32_768,
            None,
            tuple(self._instances[uuid] for uuid in uuids),
            (
                cpu_usage.Device(
                    'gpu', self._holder if self._holder in uuids else None
                ),
            ),
        )
        return measurement.Reading(
            PROBE.id,
            ticks=self.busy if busy is None else busy,
            counter=COUNTER,
            usage=cpu_usage.Snapshot(
                layout, tuple(self._processes[uuid] for uuid in uuids)
            ),
        )


class Agent:
    """An agent that meters a host.

    :ivar measured: all that it publishes, in order.
    :ivar busy: what it has metered of the host, in ms.
    :ivar cpu: what it has metered of each instance, at each reading that was
        metered, as pairs of register and elapsed time.
    """

    def __init__(self, host: Host) -> None:
        self.clock = clocks.Clock()
        self.host = host
        self.measured: list[measurement.Measurement] = []
        self.busy = 0
        self.cpu: collections.Counter[str] = collections.Counter()
        self._read = 0, self.cpu.copy()
        self._ended: dict[str, measurement.Predecessor] = {}
        self._start()

    def _start(self) -> None:
        self._is_based = False
        self._registers = registers.Registers(
            AGENT,
            self._ended,
            INTERVAL_S,
            counters.Counters(metrics.COUNTERS),
        )
        self._registers.configure([SETTINGS], self.clock.now())

    def restart(self) -> None:
        """End the register; what is computed until a reading is lost."""
        self.stop()
        self._ended = self._registers.state(self.clock.now()).ended
        self._start()

    def stop(self) -> None:
        """End the register."""
        self.measured += self._registers.configure([], self.clock.now())

    def configure(self, max_gap: float) -> None:
        """Change an option, so that the next reading is a new base."""
        settings = SETTINGS._replace(max_gap=max_gap)
        self._registers.configure([settings], self.clock.now())
        self._is_based = False

    def read(self, seconds: float, is_valid: bool = True) -> None:
        """Read the host some time after the last reading.

        :param is_valid: whether the counter of the host is right; a new base
            always is.
        """
        at = self.clock.advance(seconds)
        is_valid |= not self._is_based
        reading = self.host.reading(busy=None if is_valid else 0)
        self.measured += self._registers.record(reading, at)
        if not is_valid:
            return
        if self._is_based:
            busy, cpu = self._read
            self.busy += self.host.busy - busy
            self.cpu += self.host.cpu - cpu
        self._is_based = True
        self._read = self.host.busy, self.host.cpu.copy()


def run(generator: random.Random, steps: int) -> Agent:
    """Return an agent that metered a host through many events, and ended."""
    host = Host()
    agent = Agent(host)
    for _ in range(steps):
        number = generator.randrange(6)
        action = generator.random()
        if action < 0.15:
            host.start(number)
        elif action < 0.25:
            host.stop(number)
        elif action < 0.3:
            host.change(number, is_reserved=generator.random() < 0.5)
        elif action < 0.31:
            host.give(number)
        elif action < 0.33:
            agent.restart()
        elif action < 0.36:
            agent.configure(generator.uniform(30, 90))
        elif action < 0.4:
            agent.clock.step(generator.uniform(-30, 30))
        elif action < 0.45:
            host.compute(5000, [800] * 6)
            agent.read(generator.uniform(1, 10), is_valid=False)
        seconds = generator.choice((1, 1, 10, 10, 30, 200))
        busy = generator.randrange(seconds * 1000 * host.THREADS)
        shares = [int(busy * share / 6) for share in (generator.random(),) * 6]
        host.compute(busy, shares)
        agent.read(seconds)
    agent.stop()
    return agent
