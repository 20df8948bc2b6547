# SPDX-License-Identifier: Apache-2.0

"""OmegaWatt Multivoies: many channels on one serial line, at 100 Hz.

One hundred times per second the meter sends, for each channel, the sum of
power over all its samples since the previous frame. A reading is the mean
over the wattmeter's interval: the sums of its frames, divided by the number
of samples. It includes all samples, so the energy is as accurate as from one
hundred readings per second, at the cost of one. With ``interval = 0.01``
every frame is a reading.
"""

import collections.abc
import math
import time
import typing

from oslo_config import cfg

from energy_meter import exception
from energy_meter import measurement
from energy_meter.drivers import base
from energy_meter.drivers.common import serial
from energy_meter.drivers.omegawatt import multivoies

BAUDRATE = 921600

DECODERS: dict[
    str, type[multivoies.BinaryDecoder] | type[multivoies.TextDecoder]
] = {
    'binary': multivoies.BinaryDecoder,
    'csv': multivoies.TextDecoder,
}

#: Half the time between two frames, in seconds. An interval may end this much
#: early, because the next frame would end it even later.
TOLERANCE_S = 0.005


class Mean:
    """Mean power and current of one channel over several frames.

    :param probe: ID of the channel's probe.
    """

    __slots__ = ('_power', '_probe', '_samples', '_square')

    def __init__(self, probe: str) -> None:
        self._probe = probe
        self._samples = 0
        self._power = self._square = 0.0

    def add(self, samples: int, power: float, square: float) -> None:
        """Add the sums of one frame, if the channel has a value in it."""
        if math.isfinite(power):
            self._samples += samples
            self._power += power
            self._square += square

    def reading(self, monotonic: float) -> measurement.Reading | None:
        """Return the mean as a reading; None if there are no samples."""
        if not self._samples:
            return None
        square = self._square / self._samples
        return measurement.Reading(
            self._probe,
            self._power / self._samples,
            amperes=math.sqrt(square) if 0 <= square < math.inf else None,
            monotonic=monotonic,
        )


class Window:
    """Combines frames to one reading per channel and interval.

    :param probes: IDs of the probes in the order of the channels.
    :param interval: length of the interval in seconds.
    """

    def __init__(
        self, probes: collections.abc.Sequence[str | None], interval: float
    ) -> None:
        self._probes = probes
        self._interval = interval
        self._means = self._new_means()
        self._first_frame_at: float | None = None
        self._ended_at: float | None = None

    def add(
        self, frame: multivoies.Frame, monotonic: float
    ) -> list[measurement.Reading]:
        """Add a frame.

        :param monotonic: time of its samples on the monotonic clock.
        :returns: the readings of the interval if the frame ends it, at the
            middle of its first and last frame.
        """
        for mean, power, square in zip(
            self._means, frame.powers, frame.squares, strict=False
        ):
            if mean is not None:
                mean.add(frame.samples, power, square)
        if self._first_frame_at is None:
            self._first_frame_at = monotonic
        if self._ended_at is None:
            self._ended_at = monotonic
        if monotonic - self._ended_at < self._interval - TOLERANCE_S:
            return []
        middle = (self._first_frame_at + monotonic) / 2
        readings = [
            mean.reading(middle) for mean in self._means if mean is not None
        ]
        self._means = self._new_means()
        self._first_frame_at, self._ended_at = None, monotonic
        return [reading for reading in readings if reading is not None]

    def _new_means(self) -> list[Mean | None]:
        return [
            None if probe is None else Mean(probe) for probe in self._probes
        ]


class OmegaWatt(base.Driver):
    """Reads one Multivoies, or the output of the vendor's reader.

    :cvar timeout_s: seconds without a frame after which the meter is
        unreachable.
    """

    opts = (
        serial.PORT,
        cfg.StrOpt(
            'format',
            default='binary',
            choices=[
                ('binary', "The meter's own frames, version 3."),
                ('csv', "The lines that the vendor's reader prints."),
            ],
            help='Format of the data on the port.',
        ),
    )
    scope = 'outlet'
    self_paced = True

    timeout_s: typing.ClassVar[float] = 10.0

    def __init__(
        self, options: typing.Any, probes: collections.abc.Sequence[str | None]
    ) -> None:
        super().__init__(options, probes)
        self._port = serial.Port(options.port, BAUDRATE)

    def open(self) -> None:
        self._port.open()
        self._frames = serial.FrameReader(
            self._port, DECODERS[self.options.format]().decode, self.timeout_s
        )
        self._window = Window(self.probes, self.options.interval)

    def close(self) -> None:
        self._port.close()

    def read(self) -> collections.abc.Iterable[measurement.Reading]:
        readings: list[measurement.Reading] = []
        for frame in self._frames.read():
            if not frame.samples:
                continue
            self._check(frame)
            readings += self._window.add(frame, time.monotonic() - frame.age)
        return readings

    def _check(self, frame: multivoies.Frame) -> None:
        if len(frame.powers) < len(self.probes):
            raise exception.DriverError(
                reason=f'{self.options.port} has {len(frame.powers)} '
                f'channels, but probes has places for '
                f'{len(self.probes)}'
            )
