# SPDX-License-Identifier: Apache-2.0

"""Simulated wattmeter for evaluation and tests.

Its power and energy are known functions of the monotonic clock. All waveforms
have the same mean, halfway between ``min_watts`` and ``max_watts``, so their
energies over whole periods are equal.
"""

import collections.abc
import functools
import math
import random
import time
import typing

from oslo_config import cfg

from energy_meter import exception
from energy_meter import measurement
from energy_meter.drivers import base

#: Upper end of the waveform in watts, if ``max_watts`` is not set.
MAX_WATTS = 125.0

#: Energy counter if ``energy = counter``: 1 mJ per tick.
COUNTER = measurement.Counter(joules_per_tick=0.001)


def _sine(phase: float) -> float:
    return math.sin(math.tau * phase)


def _sine_integral(phase: float) -> float:
    return (1 - math.cos(math.tau * phase)) / math.tau


def _square(phase: float) -> float:
    return 1.0 if phase < 0.5 else -1.0


def _square_integral(phase: float) -> float:
    return min(phase, 1 - phase)


class Part(typing.NamedTuple):
    """One of the waves that a waveform is the sum of.

    :ivar shape: between -1 and 1, as a function of the phase from 0 to 1.
    :ivar integral: of the shape; zero over a whole period.
    :ivar share: of the amplitude of the waveform.
    :ivar periods: number of its periods in one period of the waveform.
    :ivar is_random: whether the amplitude of each period is random.
    """

    shape: collections.abc.Callable[[float], float]
    integral: collections.abc.Callable[[float], float]
    share: float = 1.0
    periods: int = 1
    is_random: bool = False


#: Parts of each waveform. The sum of their shares is at most one.
WAVEFORMS: dict[str, tuple[Part, ...]] = {
    'constant': (),
    # With a period of a day: the day, then tasks that start and end after 36
    # minutes, and noise of about an hour, seven minutes and 43 seconds.
    'load': (
        Part(_sine, _sine_integral, 0.3),
        Part(_square, _square_integral, 0.15, 20, is_random=True),
        Part(_sine, _sine_integral, 0.25, 20, is_random=True),
        Part(_sine, _sine_integral, 0.15, 200, is_random=True),
        Part(_sine, _sine_integral, 0.15, 2000, is_random=True),
    ),
    'random': (Part(_square, _square_integral, is_random=True),),
    'sine': (Part(_sine, _sine_integral),),
    'square': (Part(_square, _square_integral),),
}


class Wave:
    """Power and energy as functions of time.

    :param waveform: a key of :data:`WAVEFORMS`.
    :param low: minimum power, in watts.
    :param high: maximum power, in watts.
    :param period: length of one period, in seconds.
    :param seed: seed of random parts.
    """

    def __init__(
        self,
        waveform: str,
        low: float,
        high: float,
        period: float,
        seed: str = '',
    ) -> None:
        self._parts = WAVEFORMS[waveform]
        self._low, self._high, self._period = low, high, period
        self._mean = (low + high) / 2
        self._amplitude = (high - low) / 2
        self._seed = seed

    def power(self, monotonic: float) -> float:
        """Return the power at a time, in watts."""
        watts = self._mean
        for part in self._parts:
            number, phase = divmod(monotonic / self._period * part.periods, 1)
            watts += self._swing(part, number) * part.shape(phase)
        return min(max(watts, self._low), self._high)

    def energy(self, monotonic: float) -> float:
        """Return the energy from time zero to a time, in joules."""
        joules = self._mean * monotonic
        for part in self._parts:
            number, phase = divmod(monotonic / self._period * part.periods, 1)
            seconds = self._period / part.periods * part.integral(phase)
            joules += self._swing(part, number) * seconds
        return joules

    def _swing(self, part: Part, number: float) -> float:
        """Return the amplitude of a period of a part, in watts.

        :param number: of the period.
        """
        swing = self._amplitude * part.share
        if not part.is_random:
            return swing
        part_number = self._parts.index(part)
        return swing * _draw(f'{self._seed}/{part_number}/{number:.0f}')


@functools.lru_cache(maxsize=1024)
def _draw(seed: str) -> float:
    return random.Random(seed).uniform(-1, 1)  # noqa: S311


class Dummy(base.Driver):
    """Simulates a waveform for each of its probes."""

    opts = (
        cfg.StrOpt(
            'waveform',
            default='sine',
            choices=[
                ('constant', 'Halfway between min_watts and max_watts.'),
                (
                    'load',
                    'Like the load of a server, if the period is a day: a '
                    'sine wave with random steps and noise.',
                ),
                ('random', 'A different power in each half of a period.'),
                ('sine', 'A sine wave.'),
                (
                    'square',
                    'max_watts for the first half of each period, '
                    'min_watts for the second.',
                ),
            ],
            help='Waveform of the power between min_watts and max_watts. The '
            'default of max_watts is 125 for this driver.',
        ),
        cfg.FloatOpt(
            'min_watts',
            default=75.0,
            min=0.0,
            help='Minimum power of the waveform, in watts.',
        ),
        cfg.FloatOpt(
            'period',
            default=60.0,
            min=0.001,
            help='Length of one period, in seconds.',
        ),
        cfg.IntOpt(
            'seed',
            default=0,
            help='Seed of the waveforms random and load. With the same seed, '
            'a probe has the same sequence of powers.',
        ),
    )

    def __init__(
        self, options: typing.Any, probes: collections.abc.Sequence[str | None]
    ) -> None:
        super().__init__(options, probes)
        self._waves: dict[str, Wave] = {}

    def open(self) -> None:
        options = self.options
        high = MAX_WATTS if options.max_watts is None else options.max_watts
        if not options.min_watts <= high:
            raise exception.DriverError(
                reason=f'min_watts = {options.min_watts:g} is above '
                f'max_watts = {high:g}'
            )
        self._waves = {
            probe: Wave(
                options.waveform,
                options.min_watts,
                high,
                options.period,
                f'{options.seed}/{probe}',
            )
            for probe in self.probes
            if probe is not None
        }

    def read(self) -> collections.abc.Iterable[measurement.Reading]:
        monotonic = time.monotonic()
        return [
            self._reading(probe, wave, monotonic)
            for probe, wave in self._waves.items()
        ]

    def _reading(
        self, probe: str, wave: Wave, monotonic: float
    ) -> measurement.Reading:
        watts = wave.power(monotonic)
        if self.options.energy != 'counter':
            return measurement.Reading(probe, watts, monotonic=monotonic)
        return measurement.Reading(
            probe,
            watts,
            int(wave.energy(monotonic) / COUNTER.joules_per_tick),
            COUNTER,
            monotonic=monotonic,
        )
