# SPDX-License-Identifier: Apache-2.0

"""Watts Up? PRO and .net: one outlet, over a serial line.

After a start command the meter sends one frame per second::

    #d,-,18,<W>,<V>,<A>,<WH>,...;

18 is the number of values that follow: tenths of watts and volts,
milliamperes, tenths of watt-hours and others. A value that the meter does not
record is ``_``. There is no checksum. Sources: the meter's published protocol,
and captured frames.
"""

import collections.abc
import typing

from energy_meter import exception
from energy_meter import measurement
from energy_meter.drivers import base
from energy_meter.drivers.common import bounds
from energy_meter.drivers.common import serial
from energy_meter.drivers.common import units

BAUDRATE = 115200

#: Command to send a frame over the serial line ("E", external) every second.
START = b'#L,W,3,E,,1;'

#: The meter counts tenths of watt-hours.
COUNTER = measurement.Counter(joules_per_tick=360.0)


class Frame(typing.NamedTuple):
    """Values of one frame; None for a value that is not recorded."""

    deciwatts: int | None
    decivolts: int | None
    milliamperes: int | None
    deciwatthours: int | None


class Decoder:
    """Extracts frames from a stream of bytes."""

    def __init__(self) -> None:
        self._rest = b''

    def decode(self, data: bytes) -> collections.abc.Iterator[Frame]:
        """Yield the frames that ``data`` completes."""
        *parts, rest = (self._rest + data).split(b';')
        self._rest = rest[-bounds.MAX_WATTSUP_BYTES :]
        for part in parts:
            # Skip a truncated frame that precedes a complete one.
            _, start, text = part.rpartition(b'#')
            frame = _parse(text)
            if start and frame is not None:
                yield frame


def _parse(text: bytes) -> Frame | None:
    fields = text.decode('ascii', 'replace').split(',')
    if fields[0] != 'd' or len(fields) < 7:
        return None
    try:
        if len(fields) < 3 + units.parse_integer(fields[2]):
            return None
        return Frame(*map(_value, fields[3:7]))
    except ValueError:
        return None


def _value(field: str) -> int | None:
    return None if field in ('', '_') else units.parse_integer(field)


class WattsUp(base.Driver):
    """Reads one Watts Up? PRO or .net.

    :cvar timeout_s: seconds without a frame after which the meter is
        unreachable.
    """

    opts = (serial.PORT,)
    scope = 'outlet'
    #: The European model, for 16 A at 250 V, is the largest one.
    max_watts = 4000.0
    self_paced = True

    timeout_s: typing.ClassVar[float] = 10.0

    def __init__(
        self, options: typing.Any, probes: collections.abc.Sequence[str | None]
    ) -> None:
        super().__init__(options, probes)
        self._metered = [probe for probe in probes if probe is not None]
        self._port = serial.Port(options.port, BAUDRATE)

    def open(self) -> None:
        if len(self._metered) != 1:
            raise exception.DriverError(
                reason=f'a Watts Up? has one outlet, but probes names '
                f'{len(self._metered)}'
            )
        self._port.open()
        self._frames = serial.FrameReader(
            self._port, Decoder().decode, self.timeout_s
        )
        self._port.write(START)

    def close(self) -> None:
        self._port.close()

    def read(self) -> collections.abc.Iterable[measurement.Reading]:
        (probe,) = self._metered
        return [_reading(probe, frame) for frame in self._frames.read()]


def _reading(probe: str, frame: Frame) -> measurement.Reading:
    ticks = frame.deciwatthours
    return measurement.Reading(
        probe,
        _divided(frame.deciwatts, 10),
        ticks,
        None if ticks is None else COUNTER,
        _divided(frame.decivolts, 10),
        _divided(frame.milliamperes, 1000),
    )


def _divided(value: int | None, divisor: int) -> float | None:
    return None if value is None else value / divisor
