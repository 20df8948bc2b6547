# SPDX-License-Identifier: Apache-2.0

"""A simulated host: what its instances compute, and the energy they cause."""

import collections.abc
import math
import random
import typing

from energy_meter import cpu_usage

THREADS = 32
MEMORY = 128 * 1024
IDLE_WATTS = 118.0
#: Dynamic power in W with all threads busy.
_DYNAMIC_WATTS = 272.0
DAY_S = 86_400
READING_S = 10

#: Dynamic power in W, by busy CPUs.
Curve = collections.abc.Callable[[float], float]


def linear(busy: float) -> float:
    """Return a power that is proportional to the busy CPUs."""
    return _DYNAMIC_WATTS * busy / THREADS


def concave(busy: float) -> float:
    """Return a power that rises most with the first busy CPUs.

    SMT, shared caches and turbo frequencies make it so.
    """
    return _DYNAMIC_WATTS * math.pow(busy / THREADS, 0.6)


class Energy(typing.NamedTuple):
    """Energy of an instance in J.

    :ivar idle: its share of the idle host.
    :ivar dynamic: what its computing caused.
    """

    idle: float
    dynamic: float


class Reading(typing.NamedTuple):
    """What meters show at one time.

    :ivar second: since the beginning.
    :ivar joules: energy of the host.
    :ivar busy: CPU seconds of the host.
    :ivar instances: each with its CPU seconds since it started.
    """

    second: int
    joules: float
    busy: float
    instances: dict[cpu_usage.Instance, float]


#: What the energy of each instance really is, by UUID.
Truth = dict[str, Energy]

_Load = collections.abc.Callable[[int], float | None]


class _Guest(typing.NamedTuple):
    """A guest, and how many CPUs it uses by second; None if it is absent."""

    instance: cpu_usage.Instance
    load: _Load


def _instance(
    name: str, project: str, vcpus: int, gib: int
) -> cpu_usage.Instance:
    return cpu_usage.Instance(
        name, name, project, project, 'user', vcpus, gib * 1024, True
    )


def _web(second: int) -> float:
    return 2.75 - 2.25 * math.cos(2 * math.pi * second / DAY_S)


def _batch(second: int) -> float:
    """Return all vCPUs for seven of each 37 minutes."""
    return 12.0 if second % 2220 < 420 else 0.05


def _night(second: int) -> float | None:
    """Return some load before 8 and after 20 o'clock; else it is shut off."""
    return None if 8 * 3600 < second < 20 * 3600 else 2.0


def _runner(number: int) -> _Load:
    """Return the load of an instance that lives for some 25 minutes."""
    start = 7200 * number + 613
    return lambda second: 3.5 if start <= second < start + 1497 else None


def _guests() -> list[_Guest]:
    return [
        _Guest(_instance('batch', 'beta', 12, 16), _batch),
        _Guest(_instance('database', 'alpha', 4, 32), lambda _second: 1.0),
        _Guest(_instance('night', 'beta', 4, 8), _night),
        _Guest(_instance('quiet', 'alpha', 8, 32), lambda _second: 0.02),
        *(
            _Guest(_instance(f'runner-{each:02}', 'beta', 4, 8), _runner(each))
            for each in range(12)
        ),
        _Guest(_instance('web', 'alpha', 8, 16), _web),
    ]


class Trace:
    """A day of a host.

    :ivar readings: every 10 seconds.
    :ivar truths: what is due to each instance in each quarter-hour.
    """

    def __init__(self, curve: Curve) -> None:
        self._curve = curve
        self._random = random.Random(1)  # noqa: S311
        self._joules = self._busy = 0.0
        self._used: dict[cpu_usage.Instance, float] = {}
        self.readings = [Reading(0, 0.0, 0.0, {})]
        self.truths: list[Truth] = []
        guests = _guests()
        for second in range(DAY_S):
            if second % 900 == 0:
                self.truths.append({})
            self._advance(guests, second)
            if (second + 1) % READING_S == 0:
                self._read(second + 1)
        # The first reading finds the guests of the second one.
        first = dict.fromkeys(self.readings[1].instances, 0.0)
        self.readings[0] = self.readings[0]._replace(instances=first)

    def _advance(self, guests: list[_Guest], second: int) -> None:
        """Advance all guests by a second."""
        loads = {
            guest.instance: load * self._random.uniform(0.9, 1.1)
            for guest in guests
            if (load := guest.load(second)) is not None
        }
        for gone in self._used.keys() - loads.keys():
            del self._used[gone]
        own = self._random.uniform(0.5, 1.5)
        busy = own + sum(loads.values())
        watts = self._curve(busy)
        self._busy += busy
        self._joules += IDLE_WATTS + watts
        vcpus = max(THREADS, sum(each.vcpus for each in loads))
        memory = max(MEMORY, sum(each.memory for each in loads))
        truth = self.truths[-1]
        for each, load in loads.items():
            self._used[each] = self._used.get(each, 0.0) + load
            known = truth.get(each.uuid, Energy(0.0, 0.0))
            share = (each.vcpus / vcpus + each.memory / memory) / 2
            truth[each.uuid] = Energy(
                known.idle + IDLE_WATTS * share,
                known.dynamic + watts * load / busy,
            )

    def _read(self, second: int) -> None:
        self.readings.append(
            Reading(second, self._joules, self._busy, dict(self._used))
        )
