# SPDX-License-Identifier: Apache-2.0

"""Fleet of many wattmeters with one agent, groups of which fail in turn."""

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

#: Time after a failure in which a reading in progress may still be published.
IN_PROGRESS_S = 2.0


@dataclasses.dataclass(frozen=True)
class Scale:
    """Size of the fleet, and duration of the failures.

    :ivar bmcs: number of BMCs with one probe each.
    :ivar pdus: number of PDUs with ``outlets`` probes each.
    :ivar channels: number of channels of the OmegaWatt Multivoies.
    :ivar dummies: number of wattmeters with the dummy driver.
    :ivar groups: number of groups of BMCs and PDUs that fail in turn.
    :ivar outage: duration of each failure in seconds.
    :ivar agent: options of the agent that differ from the defaults.
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

    :ivar kind: type of wattmeter, for the table.
    :ivar interval: interval between readings in seconds.
    :ivar process: simulator; None for a wattmeter that cannot fail.
    :ivar outages: timestamps of each failure and recovery.
    """

    kind: str
    probes: list[str]
    interval: float
    process: base.Process | None = None
    outages: list[tuple[float, float]] = dataclasses.field(
        default_factory=list
    )


class Readings(fixtures.Fixture):
    """Timestamps of the measurements that the agent publishes.

    :ivar times: wall-clock timestamps by probe.
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
        for received in envelopes:
            signed = envelope.verify(self._keyring, received)
            for register in envelope.decode(signed):
                self.times[register.probe.id].extend(
                    measurement.timestamp / 1000
                    for measurement in register.measurements
                    if not measurement.is_mark
                )


class Omegawatt(pty.Line):
    """Multivoies that sends a frame every 10 ms."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self._frame = multivoies.frame(channels * [100.0], channels * [0.5])
        self._stopping = threading.Event()

    def start(self) -> None:
        super().start()
        self.meter.write_timeout = 1.0
        thread = threading.Thread(target=self._send, daemon=True)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(self._stopping.set)

    def _send(self) -> None:
        due = time.monotonic()
        while not self._stopping.wait(max(0.0, due - time.monotonic())):
            # After the agent has stopped, the frames are not read.
            with contextlib.suppress(serial.SerialTimeoutException):
                self.meter.write(self._frame)
            due += 0.01


class Fleet(fixtures.Fixture):
    """The wattmeters, a broker, and one agent.

    :ivar meters: the wattmeters.
    :ivar readings: timestamps of their measurements.
    :ivar began: timestamp at which all of them had been read.
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
                'checkpoint_interval': 10.0,
                'max_backoff': 60.0,
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
        base.wait_for(self._all_read, 120, 'every probe is read')
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
        """Make each group fail once and recover before the next one fails.

        Half of the meters hang, the others are killed.
        """
        simulated = [meter for meter in self.meters if meter.process]
        for group in range(self.scale.groups):
            failing = simulated[group :: self.scale.groups]
            with contextlib.ExitStack() as outage:
                for number, meter in enumerate(failing):
                    outage.enter_context(
                        _hung(meter) if number % 2 else _dead(meter)
                    )
                time.sleep(self.scale.outage)

    def wait_for_recovery(self, timeout: float) -> None:
        """Wait until each meter has been read after its last outage."""
        base.wait_for(
            lambda: all(
                self.recovery(meter, probe) is not None
                for meter in self.meters
                for probe in meter.probes
            ),
            timeout,
            'every meter has recovered',
        )

    def recovery(self, meter: Meter, probe: str) -> float | None:
        """Return the longest time in seconds until a recovered meter was read.

        :returns: None if it was not read again.
        """
        longest = 0.0
        for _, recovered in meter.outages:
            timestamp = self._first_after(probe, recovered)
            if timestamp is None:
                return None
            longest = max(longest, timestamp - recovered)
        return longest

    def _first_after(self, probe: str, recovered: float) -> float | None:
        times = self.readings.times[probe]
        index = bisect.bisect(times, recovered)
        return times[index] if index < len(times) else None

    def missed(self, meter: Meter, probe: str, until: float) -> int:
        """Return the number of missed readings of a working meter.

        Readings follow the worker's schedule. A gap of more than 1.5
        intervals between two readings means that one is missing.

        :param until: timestamp of the end.
        """
        count = 0
        for start, end in self._working(meter, probe, until):
            within = [
                timestamp
                for timestamp in self.readings.times[probe]
                if start < timestamp < end
            ]
            for before, after in itertools.pairwise([start, *within, end]):
                count += max(0, round((after - before) / meter.interval) - 1)
        return count

    def _working(
        self,
        meter: Meter,
        probe: str,
        until: float,
    ) -> collections.abc.Iterator[tuple[float, float]]:
        """Yield the periods in which a meter worked and was being read."""
        start: float | None = self.began
        for failed, recovered in meter.outages:
            if start is not None:
                yield start, failed
            start = self._first_after(probe, recovered)
        if start is not None:
            yield start, until

    def invented(self, meter: Meter, probe: str) -> int:
        """Return the number of readings during outages of a meter."""
        return sum(
            failed + IN_PROGRESS_S < timestamp < recovered
            for timestamp in self.readings.times[probe]
            for failed, recovered in meter.outages
        )


@contextlib.contextmanager
def _hung(meter: Meter) -> collections.abc.Iterator[None]:
    assert meter.process is not None
    meter.process.pause()
    failed = time.time()
    yield
    # Pending requests are answered as soon as the process resumes.
    meter.outages.append((failed, time.time()))
    meter.process.resume()


@contextlib.contextmanager
def _dead(meter: Meter) -> collections.abc.Iterator[None]:
    assert meter.process is not None
    meter.process.kill()
    failed = time.time()
    yield
    restarted = time.time()
    meter.process.start()
    meter.outages.append((failed, restarted))


class Usage(typing.NamedTuple):
    """Resource usage of a process.

    :ivar memory: resident memory in MiB.
    :ivar seconds: total processor time.
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
    """Samples the resource usage of a process once per second.

    :ivar usage: the samples.
    """

    def __init__(self, pid: int) -> None:
        super().__init__()
        self.usage = [Usage.of(pid)]
        self._pid = pid
        self._stopping = threading.Event()

    def _setUp(self) -> None:
        thread = threading.Thread(target=self._sample, daemon=True)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(self._stopping.set)

    def _sample(self) -> None:
        while not self._stopping.wait(1.0):
            self.usage.append(Usage.of(self._pid))
