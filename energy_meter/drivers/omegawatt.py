# SPDX-License-Identifier: Apache-2.0

"""OmegaWatt Multivoies: many channels on one line that never rests.

A hundred times a second the meter sends of each channel the sum of power over
all its samples since the last time. A reading is the mean over the
wattmeter's interval: the sums of its frames, divided by the number of their
samples. It leaves no sample out, so the energy is as exact as from a hundred
readings a second, at the price of one. With ``interval = 0.01`` every frame
is a reading.
"""

import collections.abc
import math
import time
import typing

from oslo_config import cfg

from energy_meter import exception
from energy_meter import measurement
from energy_meter.drivers import _multivoies
from energy_meter.drivers import _serial
from energy_meter.drivers import base

BAUDRATE = 921600

DECODERS: dict[
    str, type[_multivoies.BinaryDecoder] | type[_multivoies.TextDecoder]
] = {
    'binary': _multivoies.BinaryDecoder,
    'csv': _multivoies.TextDecoder,
}

#: Half the time between two frames, in seconds: an interval may end so much
#: early, since with the next frame it would end even farther off.
TOLERANCE = 0.005


class Mean:
    """Mean power and current of one channel over some frames.

    :param probe: id of the channel's probe.
    """

    __slots__ = ('_probe', '_samples', '_power', '_square')

    def __init__(self, probe: str) -> None:
        self._probe = probe
        self._samples = 0
        self._power = self._square = 0.0

    def add(self, samples: int, power: float, square: float) -> None:
        """Take the sums of one frame, if the channel has a value there."""
        if math.isfinite(power):
            self._samples += samples
            self._power += power
            self._square += square

    def reading(self, at: float) -> measurement.Reading | None:
        if not self._samples:
            return None
        square = self._square / self._samples
        return measurement.Reading(
            self._probe,
            self._power / self._samples,
            amperes=math.sqrt(square) if 0 <= square < math.inf else None,
            at=at,
        )


class Window:
    """Adds frames up to readings, one of each channel in each interval.

    :param probes: ids of the probes in the order of the channels.
    :param interval: seconds.
    """

    def __init__(
        self, probes: collections.abc.Sequence[str | None], interval: float
    ) -> None:
        self._probes = probes
        self._interval = interval
        self._means = self._new_means()
        self._began: float | None = None
        self._ended: float | None = None

    def add(
        self, frame: _multivoies.Frame, at: float
    ) -> list[measurement.Reading]:
        """Take a frame.

        :param at: when its samples were taken, on the monotonic clock.
        :returns: the readings of the interval, if the frame ended it; of
            the middle of the time for which they are the mean.
        """
        for mean, power, square in zip(
            self._means, frame.powers, frame.squares, strict=False
        ):
            if mean is not None:
                mean.add(frame.samples, power, square)
        if self._began is None:
            self._began = at
        if self._ended is None:
            self._ended = at
        if at - self._ended < self._interval - TOLERANCE:
            return []
        middle = (self._began + at) / 2
        readings = [
            mean.reading(middle) for mean in self._means if mean is not None
        ]
        self._means = self._new_means()
        self._began, self._ended = None, at
        return [reading for reading in readings if reading is not None]

    def _new_means(self) -> list[Mean | None]:
        return [
            None if probe is None else Mean(probe) for probe in self._probes
        ]


class OmegaWatt(base.StreamingDriver):
    """Reads one Multivoies, or what the vendor's reader says of it.

    :cvar silence: seconds without a frame until the meter is taken for
        lost.
    """

    opts = (
        _serial.PORT,
        cfg.StrOpt(
            'format',
            default='binary',
            choices=[
                ('binary', "The meter's own frames, version 3."),
                ('csv', "The lines that the vendor's reader prints."),
            ],
            help='What comes through the port.',
        ),
    )
    scope = 'outlet'

    silence: typing.ClassVar = 10.0

    def __init__(
        self, options: typing.Any, probes: collections.abc.Sequence[str | None]
    ) -> None:
        super().__init__(options, probes)
        self._port = _serial.Port(options.port, BAUDRATE)

    def open(self) -> None:
        self._port.open()

    def close(self) -> None:
        self._port.close()

    def stream(self) -> collections.abc.Iterator[measurement.Reading | None]:
        decoder = DECODERS[self.options.format]()
        window = Window(self.probes, self.options.interval)
        for frame in self._port.frames(decoder.decode, self.silence):
            if frame is None or not frame.samples:
                yield None
                continue
            self._check(frame)
            yield from window.add(frame, time.monotonic() - frame.age)

    def _check(self, frame: _multivoies.Frame) -> None:
        if len(frame.powers) < len(self.probes):
            raise exception.DriverError(
                reason=f'{self.options.port} has {len(frame.powers)} '
                f'channels, but probes has places for '
                f'{len(self.probes)}'
            )
