# SPDX-License-Identifier: Apache-2.0

"""Very many wattmeters behind one agent, parts of which fail in turn."""

import array
import bisect
import collections
import collections.abc
import contextlib
import dataclasses
import itertools
import threading
import time
import typing

import fixtures
import psutil
import serial

from energy_meter import conf as energy_meter_conf
from energy_meter import signing
from energy_meter.bus import envelope
from energy_meter.bus import listener
from energy_meter.bus import transport
from energy_meter.tests import multivoies
from energy_meter.tests.functional.services import base
from energy_meter.tests.functional.services import commands
from energy_meter.tests.functional.services import ipmi_sim
from energy_meter.tests.functional.services import pty
from energy_meter.tests.functional.services import rabbitmq
from energy_meter.tests.functional.services import snmpd

EATON = '1.3.6.1.4.1.534.6.6.7.6.5.1'

#: A reading that was under way when its device failed may still be told, so
#: many seconds later.
UNDER_WAY = 2.0


@dataclasses.dataclass(frozen=True)
class Scale:
    """How large the fleet is, and how it is treated.

    :ivar bmcs: how many; each is one probe.
    :ivar pdus: how many; each has so many ``outlets``.
    :ivar channels: of the one OmegaWatt Multivoies.
    :ivar dummies: wattmeters that are the agent's own.
    :ivar groups: the BMCs and PDUs fail in so many groups, one at a time.
    :ivar outage: for how long, in seconds.
    :ivar agent: options of the agent other than their defaults.
    """

    bmcs: int
    pdus: int
    outlets: int = 48
    channels: int = 36
    dummies: int = 10
    bmc_interval: float = 5.0
    pdu_interval: float = 1.0
    groups: int = 10
    outage: float = 30.0
    agent: dict[str, object] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass
class Meter:
    """One wattmeter.

    :ivar kind: what it is, for the table.
    :ivar interval: seconds between two readings.
    :ivar process: what it is simulated by; None for one that can't fail.
    :ivar outages: when it failed, and when it worked again.
    """

    kind: str
    probes: list[str]
    interval: float
    process: base.Process | None = None
    outages: list[tuple[float, float]] = dataclasses.field(
        default_factory=list
    )


class Readings(fixtures.Fixture):
    """What the agent tells the bus.

    :ivar times: of each probe the times of its readings, by the wall clock.
    """

    def __init__(self, configuration: commands.Configuration) -> None:
        super().__init__()
        self.times: dict[str, array.array[float]] = collections.defaultdict(
            lambda: array.array('d')
        )
        self._configuration = configuration
        self._keyring = signing.Keyring([commands.SECRET])

    def _setUp(self) -> None:
        conf = energy_meter_conf.load(
            ['--config-file', str(self._configuration.path)], 'fleet'
        )
        reader = listener.Listener(
            transport.connect(conf), self._take, lambda: None, 10, 0.1
        )
        reader.start()
        self.addCleanup(reader.stop)

    def _take(self, envelopes: list[typing.Any]) -> None:
        for each in envelopes:
            for word in envelope.unseal(self._keyring, each):
                self.times[word.probe.id].append(word.time)


class Omegawatt(pty.Line):
    """A Multivoies that sends a frame each hundredth of a second."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self._frame = multivoies.frame(channels * [100.0], channels * [0.5])
        self._stopping = threading.Event()

    def start(self) -> None:
        super().start()
        self.meter.write_timeout = 1.0
        thread = threading.Thread(target=self._talk, daemon=True)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(self._stopping.set)

    def _talk(self) -> None:
        due = time.monotonic()
        while not self._stopping.wait(max(0.0, due - time.monotonic())):
            # When the agent has ended, nobody takes the frames.
            with contextlib.suppress(serial.SerialTimeoutException):
                self.meter.write(self._frame)
            due += 0.01


class Fleet(fixtures.Fixture):
    """The wattmeters, a broker, and one agent that reads them all.

    :ivar meters: the wattmeters.
    :ivar readings: what came of them.
    :ivar began: when all of them had been read, by the wall clock.
    """

    def __init__(self, scale: Scale) -> None:
        super().__init__()
        self.scale = scale
        self.meters: list[Meter] = []

    def _setUp(self) -> None:
        self._configuration = commands.Configuration(
            self.useFixture(fixtures.TempDir(base.TEMPORARY)).path,
            DEFAULT={
                'transport_url': self.useFixture(rabbitmq.RabbitMQ()).url
            },
            agent={
                'publish_interval': 1.0,
                'journal_interval': 10.0,
                'backoff_max': 60.0,
                **self.scale.agent,
            },
        )
        for number in range(self.scale.bmcs):
            self._add_bmc(f'bmc-{number}')
        for number in range(self.scale.pdus):
            self._add_pdu(f'pdu-{number}')
        self._add_omegawatt('omegawatt')
        for number in range(self.scale.dummies):
            self._add(
                f'dummy-{number}',
                Meter('dummy', [f'dummy-{number}'], 1.0),
                driver='dummy',
            )
        self.readings = self.useFixture(Readings(self._configuration))
        self.agent = self.useFixture(commands.agent(self._configuration))
        base.wait_for(self._all_read, 120, 'every probe was read')
        self.began = time.time()

    def _add(self, name: str, meter: Meter, **options: object) -> None:
        self._configuration.set(
            f'wattmeter:{name}',
            probes=', '.join(meter.probes),
            interval=meter.interval,
            **options,
        )
        self.meters.append(meter)

    def _add_bmc(self, name: str) -> None:
        bmc = self.useFixture(ipmi_sim.IPMISim())
        self._add(
            name,
            Meter('BMC', [name], self.scale.bmc_interval, bmc),
            driver='ipmi',
            host=bmc.address,
            port=bmc.port,
            username=ipmi_sim.USER,
            password=ipmi_sim.PASSWORD,
        )

    def _add_pdu(self, name: str) -> None:
        objects: dict[str, snmpd.Value] = {}
        for outlet in range(1, self.scale.outlets + 1):
            objects[f'{EATON}.3.0.{outlet}'] = 100 + outlet
            objects[f'{EATON}.4.0.{outlet}'] = snmpd.Gauge(1000)
        pdu = self.useFixture(snmpd.Snmpd(objects))
        probes = [
            f'{name}-{outlet}' for outlet in range(1, self.scale.outlets + 1)
        ]
        self._add(
            name,
            Meter('PDU', probes, self.scale.pdu_interval, pdu),
            driver='snmp',
            host='127.0.0.1',
            port=pdu.port,
            profile='eaton-g3',
            community=snmpd.READ_COMMUNITY,
        )

    def _add_omegawatt(self, name: str) -> None:
        line = self.useFixture(Omegawatt(self.scale.channels))
        probes = [
            f'{name}-{channel}' for channel in range(self.scale.channels)
        ]
        self._add(
            name,
            Meter('OmegaWatt', probes, 1.0),
            driver='omegawatt',
            port=line.port,
        )

    def _all_read(self) -> bool:
        return all(
            self.readings.times.get(probe)
            for meter in self.meters
            for probe in meter.probes
        )

    def fail_in_turn(self) -> None:
        """Let each group fail once, every other meter by hanging or dying.

        A group comes back as the next one fails.
        """
        mortal = [meter for meter in self.meters if meter.process]
        for group in range(self.scale.groups):
            failing = mortal[group :: self.scale.groups]
            with contextlib.ExitStack() as outage:
                for number, meter in enumerate(failing):
                    outage.enter_context(
                        _hung(meter) if number % 2 else _dead(meter)
                    )
                time.sleep(self.scale.outage)

    def wait_for_recovery(self, timeout: float) -> None:
        """Wait until each meter has been read since its last outage."""
        base.wait_for(
            lambda: all(
                self.recovery(meter, probe) is not None
                for meter in self.meters
                for probe in meter.probes
            ),
            timeout,
            'every meter came back',
        )

    def recovery(self, meter: Meter, probe: str) -> float | None:
        """Give how long its longest return to the agent took, in seconds.

        :returns: None if it did not return.
        """
        longest = 0.0
        for _, healed in meter.outages:
            back = self._back(probe, healed)
            if back is None:
                return None
            longest = max(longest, back - healed)
        return longest

    def _back(self, probe: str, healed: float) -> float | None:
        times = self.readings.times[probe]
        index = bisect.bisect(times, healed)
        return times[index] if index < len(times) else None

    def missed(self, meter: Meter, probe: str, until: float) -> int:
        """Count the intervals in which a working meter was not read.

        Readings keep to the worker's schedule: two that are half an interval
        farther apart than they should be have one missing between them.

        :param until: the end, by the wall clock.
        """
        count = 0
        for start, end in self._working(meter, probe, until):
            within = [
                at for at in self.readings.times[probe] if start < at < end
            ]
            for before, at in itertools.pairwise([start, *within, end]):
                count += max(0, round((at - before) / meter.interval) - 1)
        return count

    def _working(
        self,
        meter: Meter,
        probe: str,
        until: float,
    ) -> collections.abc.Iterator[tuple[float, float]]:
        """Give the times in which a meter worked and had been found."""
        start: float | None = self.began
        for broke, healed in meter.outages:
            if start is not None:
                yield start, broke
            start = self._back(probe, healed)
        if start is not None:
            yield start, until

    def invented(self, meter: Meter, probe: str) -> int:
        """Count the readings of a meter that had failed."""
        return sum(
            broke + UNDER_WAY < at < healed
            for at in self.readings.times[probe]
            for broke, healed in meter.outages
        )


@contextlib.contextmanager
def _hung(meter: Meter) -> collections.abc.Iterator[None]:
    assert meter.process is not None
    meter.process.pause()
    broke = time.time()
    yield
    # What it was asked meanwhile is answered at once.
    meter.outages.append((broke, time.time()))
    meter.process.resume()


@contextlib.contextmanager
def _dead(meter: Meter) -> collections.abc.Iterator[None]:
    assert meter.process is not None
    meter.process.kill()
    broke = time.time()
    yield
    began = time.time()
    meter.process.start()
    meter.outages.append((broke, began))


class Usage(typing.NamedTuple):
    """What a process takes.

    :ivar memory: resident, in MiB.
    :ivar seconds: of processor time so far.
    """

    threads: int
    descriptors: int
    memory: float
    seconds: float

    @classmethod
    def of(cls, pid: int) -> 'Usage':
        process = psutil.Process(pid)
        cpu = process.cpu_times()
        return cls(
            process.num_threads(),
            process.num_fds(),
            process.memory_info().rss / 2**20,
            cpu.user + cpu.system,
        )


class Watch(fixtures.Fixture):
    """Looks once a second at what a process takes.

    :ivar usage: what it saw.
    """

    def __init__(self, pid: int) -> None:
        super().__init__()
        self.usage = [Usage.of(pid)]
        self._pid = pid
        self._stopping = threading.Event()

    def _setUp(self) -> None:
        thread = threading.Thread(target=self._look, daemon=True)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(self._stopping.set)

    def _look(self) -> None:
        while not self._stopping.wait(1.0):
            self.usage.append(Usage.of(self._pid))
