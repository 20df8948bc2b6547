# SPDX-License-Identifier: Apache-2.0

"""A wattmeter that isn't there, for trying things out and for tests.

Its power is a known function of the monotonic clock, and so is its energy.
Every waveform has the same mean, halfway between its ends, so after whole
periods all of them have used the same energy.
"""

import collections.abc
import functools
import math
import random
import time

from oslo_config import cfg

from energy_meter import exception
from energy_meter import measurement
from energy_meter.drivers import base

#: Upper end in watts where ``max_watts`` is not set.
MAX_WATTS = 125.0

#: Counter of the energy, as ``energy = counter`` shows it: 1 mJ a tick.
COUNTER = measurement.Counter(joules=0.001)


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


#: Of each waveform its shape, between -1 and 1, and the shape's integral,
#: both over the phase from 0 to 1. Each integral ends at zero.
SHAPES = {
    'constant': (_flat, _flat),
    'random': (_square, _square_integral),
    'sine': (_sine, _sine_integral),
    'square': (_square, _square_integral),
}


class Wave:
    """Power and energy as functions of time.

    :param waveform: a key of :data:`SHAPES`.
    :param low: its lower end, in watts.
    :param high: its upper end, in watts.
    :param period: length of one period, in seconds.
    :param seed: chooses the numbers of ``random``: in the first half of each
        period its power is a random one, in the second half as far on the
        other side of the mean.
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

    def power(self, at: float) -> float:
        """Give the power at ``at`` seconds, in watts."""
        period, phase = divmod(at / self._period, 1)
        watts = self._mean + self._swing(period) * self._shape(phase)
        return min(max(watts, self._low), self._high)

    def energy(self, at: float) -> float:
        """Give the energy from zero to ``at`` seconds, in joules."""
        period, phase = divmod(at / self._period, 1)
        return self._mean * at + self._swing(
            period
        ) * self._period * self._integral(phase)

    def _swing(self, period: float) -> float:
        if self._seed is None:
            return self._amplitude
        return self._amplitude * _draw(f'{self._seed}/{period:.0f}')


@functools.lru_cache(maxsize=1024)
def _draw(seed: str) -> float:
    return random.Random(seed).uniform(-1, 1)  # noqa: S311


class Dummy(base.PolledDriver):
    """Shows a waveform on each of its probes."""

    opts = (
        cfg.StrOpt(
            'waveform',
            default='sine',
            choices=[
                ('constant', 'Halfway between min_watts and max_watts.'),
                ('random', 'Another power in each half of a period.'),
                ('sine', 'Up and down once in each period.'),
                (
                    'square',
                    'max_watts for the first half of each period, '
                    'min_watts for the second.',
                ),
            ],
            help='How the power goes between min_watts and max_watts, which '
            'is 125 unless it is set.',
        ),
        cfg.FloatOpt(
            'min_watts',
            default=75.0,
            min=0.0,
            help='Lower end of the waveform, in watts.',
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
            help='Chooses the numbers of waveform = random. The same '
            'seed gives each probe the same numbers again.',
        ),
    )

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
        at = time.monotonic()
        return [
            self._reading(probe, wave, at)
            for probe, wave in self._waves.items()
        ]

    def _reading(
        self, probe: str, wave: Wave, at: float
    ) -> measurement.Reading:
        watts = wave.power(at)
        if self.options.energy != 'counter':
            return measurement.Reading(probe, watts, at=at)
        return measurement.Reading(
            probe, watts, int(wave.energy(at) / COUNTER.joules), COUNTER, at=at
        )
