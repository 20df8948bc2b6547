# SPDX-License-Identifier: Apache-2.0

"""What a host computes, its power, and the energy that its guests cause."""

import bisect
import collections
import collections.abc
import itertools
import math
import threading
import time
import typing

import fixtures

from benchmarks.guests import machine
from energy_meter.billing import intervals
from energy_meter.drivers.libvirt import host
from energy_meter.tests.functional.services import http

#: Power of the idle host in W.
IDLE_WATTS = 100.0
SAMPLE_S = 0.05


def linear(cpus: float) -> float:
    """Return the power of a host, in W, by its number of busy CPUs."""
    return IDLE_WATTS + 60 * cpus


def concave(cpus: float) -> float:
    """Return the power of a host that needs less and less for one more."""
    return IDLE_WATTS + 80 * math.pow(cpus, 0.6)


Curve = collections.abc.Callable[[float], float]
CURVES: dict[str, Curve] = {'linear': linear, 'concave': concave}


class Sample(typing.NamedTuple):
    """State of a host at one time.

    :ivar date: in ms.
    :ivar busy: CPU time of the host in us.
    :ivar joules: energy of the host by the name of the curve.
    :ivar cpu: CPU time of the guests in us, by UUID.
    :ivar reserved: flavors of the guests that run or are paused.
    """

    date: float
    busy: int
    joules: dict[str, float]
    cpu: dict[str, int]
    reserved: dict[str, machine.Flavor]


class Truth(typing.NamedTuple):
    """Energy in J of a host, and by guest; and CPU seconds by guest."""

    host: float
    guests: dict[str, float]
    cpu: dict[str, float]


class Recorder(fixtures.Fixture):
    """Samples a host, and serves its energy as a meter does.

    :ivar samples: all so far.
    """

    def __init__(self, metered: machine.Machine) -> None:
        super().__init__()
        self._machine = metered
        self._stopping = threading.Event()

    def _setUp(self) -> None:
        self._monotonic = time.monotonic()
        self.samples = [self._sample(dict.fromkeys(CURVES, 0.0))]
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.addCleanup(self._stop)
        self._thread.start()
        self._server = self.useFixture(http.HTTPServer(self._answer))

    def url(self, curve: str) -> str:
        """Return the URL of the meter with the energy of a curve, in J."""
        return f'{self._server.url}/{curve}'

    def truth(
        self, curve: str, known: collections.abc.Iterable[intervals.Interval]
    ) -> Truth:
        """Return what each guest caused in intervals of dates, in ms.

        The idle energy of each sample is divided by what is reserved, and the
        rest by CPU time.
        """
        joules = 0.0
        guests: dict[str, float] = collections.defaultdict(float)
        cpu: dict[str, float] = collections.defaultdict(float)
        for start, until in known:
            samples = self.within(start, until)
            for before, after in itertools.pairwise(samples):
                within = min(after.date, until) - max(before.date, start)
                part = max(within, 0) / (after.date - before.date)
                joules += part * (after.joules[curve] - before.joules[curve])
                for uuid, share in _shares(before, after, curve).items():
                    guests[uuid] += part * share
                for uuid, used in _used(before, after).items():
                    cpu[uuid] += part * used / 1e6
        return Truth(joules, guests, cpu)

    def within(self, start: int, until: int) -> list[Sample]:
        """Return the samples between two dates, and one on either side."""
        dates = [each.date for each in self.samples]
        first = max(bisect.bisect_right(dates, start) - 1, 0)
        return self.samples[first : bisect.bisect_left(dates, until) + 1]

    def _answer(self, request: http.Request) -> http.Answer:
        sample = self.samples[-1]
        return http.page({'joules': sample.joules[request.path.strip('/')]})

    def _run(self) -> None:
        while not self._stopping.wait(SAMPLE_S):
            self._machine.adopt()
            before, began = self.samples[-1], self._monotonic
            after = self._sample({})
            seconds = self._monotonic - began
            cpus = (after.busy - before.busy) / 1e6 / seconds
            joules = {
                name: before.joules[name] + seconds * curve(cpus)
                for name, curve in CURVES.items()
            }
            self.samples.append(after._replace(joules=joules))

    def _sample(self, joules: dict[str, float]) -> Sample:
        # What guests use meanwhile must not exceed what the host does.
        cpu = self._machine.usages()
        reserved = self._machine.reserved()
        busy = self._machine.usage()
        self._monotonic = time.monotonic()
        return Sample(time.time() * 1000, busy, joules, cpu, reserved)

    def _stop(self) -> None:
        self._stopping.set()
        self._thread.join()


def _shares(before: Sample, after: Sample, curve: str) -> dict[str, float]:
    """Return the energy in J of each guest between two samples."""
    joules = after.joules[curve] - before.joules[curve]
    idle = min(joules, IDLE_WATTS * (after.date - before.date) / 1000)
    flavors = after.reserved
    vcpus = max(host.threads(), sum(each.vcpus for each in flavors.values()))
    memory = max(host.memory(), sum(each.memory for each in flavors.values()))
    used = _used(before, after)
    busy = max(after.busy - before.busy, sum(used.values()), 1)
    found = {
        uuid: (joules - idle) * each / busy for uuid, each in used.items()
    }
    for uuid, flavor in flavors.items():
        share = (flavor.vcpus / vcpus + flavor.memory / memory) / 2
        found[uuid] = found.get(uuid, 0.0) + idle * share
    return found


def _used(before: Sample, after: Sample) -> dict[str, int]:
    return {
        uuid: cpu - before.cpu.get(uuid, 0) for uuid, cpu in after.cpu.items()
    }
