# SPDX-License-Identifier: Apache-2.0

"""Types of metering: probes, readings of drivers, measurements of registers.

A driver returns :class:`Reading` objects. The agent adds them to the probe's
register. The state of the register after a reading is a :class:`Measurement`,
which is published on the bus and stored by the collector.
"""

import collections.abc
import dataclasses
import typing

from energy_meter import cpu_usage

#: Exclusive limit of integers in messages. JSON parsers of all languages,
#: including JavaScript's, represent smaller integers exactly.
INTEGER_LIMIT = 2**53

#: What a probe can measure. Power of a CPU package differs from power at the
#: wall; clients select probes by scope. This is not a Keystone scope.
SCOPES = (
    'node',
    'inlet',
    'outlet',
    'psu',
    'ups',
    'cpu-package',
    'dram',
    'gpu',
    'platform',
    'battery',
    'chassis',
    'phase',
    'circuit',
    'other',
)


@dataclasses.dataclass(frozen=True, slots=True)
class Counter:
    """Properties of a hardware energy counter.

    :ivar joules_per_tick: energy of one tick, in joules.
    :ivar step: smallest increase of the counter, in ticks.
    :ivar rollover: number of ticks at which the counter wraps to zero; None
        if it does not wrap.
    """

    joules_per_tick: float
    step: int = 1
    rollover: int | None = None

    @property
    def resolution(self) -> float:
        """Energy of the smallest increase, in joules."""
        return self.joules_per_tick * self.step


class Reading(typing.NamedTuple):
    """Values of one probe at one time, as returned by a driver.

    A value that the wattmeter does not provide, or marks as unavailable, is
    None, never zero.

    :ivar probe: ID of the probe.
    :ivar watts: active power, in W.
    :ivar ticks: value of the hardware energy counter.
    :ivar counter: properties of that counter; required with ``ticks``.
    :ivar volts: RMS voltage, in V.
    :ivar amperes: RMS current, in A.
    :ivar monotonic: time of the reading on the monotonic clock, in seconds;
        None for the current time.
    :ivar usage: instances of the host whose busy time in ms ``ticks`` counts;
        None if the probe measures energy.
    """

    probe: str
    watts: float | None = None
    ticks: int | None = None
    counter: Counter | None = None
    volts: float | None = None
    amperes: float | None = None
    monotonic: float | None = None
    usage: cpu_usage.Snapshot | None = None


class EnergyDelta(typing.NamedTuple):
    """Energy of one reading, in joules, and the seconds that it covers."""

    joules: float
    seconds: float


NO_ENERGY = EnergyDelta(0.0, 0.0)


class Probe(typing.NamedTuple):
    """A metered channel of a wattmeter.

    :ivar id: ID of the probe, unique on the bus.
    :ivar scope: what it measures; one of :data:`SCOPES`.
    :ivar host: name of the machine whose power it measures.
    :ivar wattmeter: name of its wattmeter.
    :ivar driver: name of the driver that reads the wattmeter.
    :ivar agent: name of the agent that runs the driver.
    """

    id: str
    scope: str
    host: str
    wattmeter: str
    driver: str
    agent: str


class RegisterKey(typing.NamedTuple):
    """Identity of a register.

    :ivar agent: UUID of the agent that keeps the register.
    :ivar id: 16 random hexadecimal digits.
    """

    agent: str
    id: str


class Predecessor(typing.NamedTuple):
    """The register that another register of the same probe and agent follows.

    :ivar register: its ID.
    :ivar elapsed: its elapsed time in ms when its agent last saved it. It
        may have continued for the interval of the checkpoints.
    """

    register: str
    elapsed: int


class Point(typing.NamedTuple):
    """State of a register at one elapsed time.

    :ivar elapsed: time in ms since the register was opened.
    :ivar metered: part of it, in ms, for which the energy is known.
    """

    elapsed: int
    millijoules: int
    metered: int


#: Where the curve of each register begins.
ORIGIN = Point(0, 0, 0)


class Series(typing.NamedTuple):
    """What consecutive measurements of a register have in common.

    An agent makes one for many measurements, so that none of them costs the
    comparison of its parts.

    :ivar after: register that this one follows; None if the agent knows none.
    :ivar synced: whether the kernel of the agent's machine considered its
        wall clock synchronized.
    """

    probe: Probe
    register: RegisterKey
    after: Predecessor | None
    synced: bool


class Measurement(typing.NamedTuple):
    """State of a register at one time.

    :ivar timestamp: time on the agent's wall clock, in ms since the epoch.
    :ivar elapsed: time in ms since the register was opened, including the
        time that the machine was suspended.
    :ivar millijoules: energy since the register was opened.
    :ivar metered: part of ``elapsed``, in ms, for which the energy is known.
    :ivar watts: active power, in W; None if unknown.
    :ivar volts: RMS voltage, in V; None if unknown.
    :ivar amperes: RMS current, in A; None if unknown.
    :ivar is_mark: whether this is a mark, a point of the register's curve
        that is kept. Marks have no power, voltage or current.
    :ivar usage: CPU time of the instances of the host whose busy time in ms
        stands in place of the energy; None if the register has energy.
    """

    series: Series
    timestamp: int
    elapsed: int
    millijoules: int
    metered: int
    watts: float | None = None
    volts: float | None = None
    amperes: float | None = None
    is_mark: bool = False
    usage: cpu_usage.Usage | None = None

    @property
    def probe(self) -> Probe:
        return self.series.probe

    @property
    def register(self) -> RegisterKey:
        return self.series.register

    @property
    def after(self) -> Predecessor | None:
        return self.series.after

    @property
    def synced(self) -> bool:
        return self.series.synced

    def flat(self) -> tuple[typing.Any, ...]:
        """Return all values in a row, as files contain them."""
        return *self.series, *self[1:]


def parse_measurement(
    row: collections.abc.Iterable[typing.Any],
) -> Measurement:
    """Return the measurement of a row of :meth:`Measurement.flat`.

    :param row: as JSON returns it; its usage is not converted.
    :raises ValueError: if it has too few values.
    :raises TypeError: if a value has another type, or there are too many.
    """
    probe, key, after, synced, *values = row
    return Measurement(
        Series(
            Probe(*probe),
            RegisterKey(*key),
            None if after is None else Predecessor(*after),
            synced,
        ),
        *values,
    )
