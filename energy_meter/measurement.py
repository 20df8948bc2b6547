# SPDX-License-Identifier: Apache-2.0

"""What is measured, and of what.

A driver gives :class:`Reading` objects. The agent feeds them to the probe's
register, and what the register then shows is a :class:`Measurement`: that is
what travels over the bus and what the collector keeps.
"""

import dataclasses
import typing

#: Integers on the bus stay below this, so that every language's JSON
#: reader, JavaScript's included, keeps them exact.
INTEGER_LIMIT = 2**53

#: What a probe may measure. Watts of a CPU package are not watts at the
#: wall: readers choose by this word.
SCOPES = (
    'node',
    'inlet',
    'outlet',
    'psu',
    'cpu-package',
    'dram',
    'platform',
    'battery',
    'chassis',
    'phase',
    'circuit',
    'other',
)


@dataclasses.dataclass(frozen=True, slots=True)
class Counter:
    """How to read a hardware energy counter.

    :ivar joules: energy of one tick, in joules.
    :ivar step: the smallest number of ticks by which the counter moves.
    :ivar size: the counter shows its value modulo this many ticks; None for
        one that does not wrap.
    """

    joules: float
    step: int = 1
    size: int | None = None

    @property
    def resolution(self) -> float:
        """Energy of the smallest movement, in joules."""
        return self.joules * self.step


class Reading(typing.NamedTuple):
    """One probe as its wattmeter shows it at one moment.

    What the wattmeter does not show, or shows as unavailable, is None:
    never zero.

    :ivar probe: the probe's id.
    :ivar watts: active power, W.
    :ivar ticks: what the hardware's energy counter shows.
    :ivar counter: how to read ``ticks``; given whenever ``ticks`` is.
    :ivar volts: RMS voltage, V.
    :ivar amperes: RMS current, A.
    :ivar at: when it was measured, on the monotonic clock, in seconds; None
        for "just now".
    """

    probe: str
    watts: float | None = None
    ticks: int | None = None
    counter: Counter | None = None
    volts: float | None = None
    amperes: float | None = None
    at: float | None = None


class Probe(typing.NamedTuple):
    """One measuring point.

    :ivar id: name of the probe, unique on the bus.
    :ivar scope: what is measured: one of :data:`SCOPES`.
    :ivar host: the machine whose power it is.
    :ivar wattmeter: name of the wattmeter that measures it.
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
    """Which register of a probe.

    :ivar agent: uuid of the agent that keeps the register.
    :ivar id: random, 16 hexadecimal digits.
    :ivar incarnation: the agent's incarnation in which it was opened.
    """

    agent: str
    id: str
    incarnation: int


class Measurement(typing.NamedTuple):
    """What a register shows at one moment.

    :ivar time: seconds since the epoch by the agent's wall clock.
    :ivar elapsed: seconds since the register was opened, by the agent's
        monotonic clock.
    :ivar millijoules: energy since the register was opened.
    :ivar metered: seconds of ``elapsed`` of which the energy is known.
    :ivar watts: power at that moment, None where it isn't known.
    """

    probe: Probe
    register: RegisterKey
    time: float
    elapsed: float
    millijoules: int
    metered: float
    watts: float | None = None
    volts: float | None = None
    amperes: float | None = None
