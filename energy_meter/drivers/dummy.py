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


def _flat(phase: float) -> float:
    return 0.0


#: Shape of each waveform, between -1 and 1, and the integral of the shape;
#: both are functions of the phase from 0 to 1. The integral over a whole
#: period is zero.
SHAPES = {
    'constant': (_flat, _flat),
    'random': (_square, _square_integral),
    'sine': (_sine, _sine_integral),
    'square': (_square, _square_integral),
}


class Wave:
    """Power and energy as functions of time.

    :param waveform: a key of :data:`SHAPES`.
    :param low: minimum power, in watts.
    :param high: maximum power, in watts.
    :param period: length of one period, in seconds.
    :param seed: seed of the waveform ``random``. Its power is random in the
        first half of each period; in the second half it deviates from the
        mean by the same amount in the other direction.
    """

    def __init__(
        self,
        waveform: str,
        low: float,
        high: float,
        period: float,
        seed: str = '',
    ) -> None:
        self._shape, self._integral = SHAPES[waveform]
        self._low, self._high, self._period = low, high, period
        self._mean = (low + high) / 2
        self._amplitude = (high - low) / 2
        self._seed = seed if waveform == 'random' else None

    def power(self, monotonic: float) -> float:
        """Return the power at a time, in watts."""
        period, phase = divmod(monotonic / self._period, 1)
        watts = self._mean + self._swing(period) * self._shape(phase)
        return min(max(watts, self._low), self._high)

    def energy(self, monotonic: float) -> float:
        """Return the energy from time zero to a time, in joules."""
        period, phase = divmod(monotonic / self._period, 1)
        return self._mean * monotonic + self._swing(
            period
        ) * self._period * self._integral(phase)

    def _swing(self, period: float) -> float:
        if self._seed is None:
            return self._amplitude
        return self._amplitude * _draw(f'{self._seed}/{period:.0f}')


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
            help='Seed of waveform = random. With the same seed, a probe '
            'has the same sequence of powers.',
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
