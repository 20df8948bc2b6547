# SPDX-License-Identifier: Apache-2.0

"""Watts Up? PRO and .net: one outlet that a serial line reports.

Once told to, the meter sends a frame each second::

    #d,-,18,<W>,<V>,<A>,<WH>,...;

18 is how many values follow: tenths of watts and volts, milliamperes, tenths
of watt-hours and more. Values that it does not record are ``_``. There is no
checksum. Source: the meter's published protocol, and captured frames.
"""

import collections.abc
import typing

from energy_meter import exception
from energy_meter import measurement
from energy_meter.drivers import _serial
from energy_meter.drivers import base

BAUDRATE = 115200

#: Report to the serial line ("E", external) every second.
START = b'#L,W,3,E,,1;'

#: Watt-hours are shown in tenths.
COUNTER = measurement.Counter(joules=360.0)

#: No frame is nearly as long: what is longer is noise.
LONGEST_FRAME = 1024


class Frame(typing.NamedTuple):
    """What one frame says; None for what is not recorded."""

    deciwatts: int | None
    decivolts: int | None
    milliamperes: int | None
    deciwatthours: int | None


class Decoder:
    """Finds frames in a stream of bytes."""

    def __init__(self) -> None:
        self._rest = b''

    def decode(self, data: bytes) -> collections.abc.Iterator[Frame]:
        """Yield the frames that become complete by ``data``."""
        *parts, rest = (self._rest + data).split(b';')
        self._rest = rest[-LONGEST_FRAME:]
        for part in parts:
            # A frame that was cut short is followed by a whole one.
            _, mark, text = part.rpartition(b'#')
            frame = _parse(text)
            if mark and frame is not None:
                yield frame


def _parse(text: bytes) -> Frame | None:
    fields = text.decode('ascii', 'replace').split(',')
    if fields[0] != 'd' or len(fields) < 7:
        return None
    try:
        if len(fields) < 3 + int(fields[2]):
            return None
        return Frame(*map(_value, fields[3:7]))
    except ValueError:
        return None


def _value(field: str) -> int | None:
    return None if field in ('', '_') else int(field)


class WattsUp(base.StreamingDriver):
    """Reads one Watts Up? PRO or .net.

    :cvar silence: seconds without a frame until the meter is taken for
        lost.
    """

    opts = (_serial.PORT,)
    scope = 'outlet'

    silence: typing.ClassVar = 10.0

    def __init__(
        self, options: typing.Any, probes: collections.abc.Sequence[str | None]
    ) -> None:
        super().__init__(options, probes)
        self._port = _serial.Port(options.port, BAUDRATE)

    def open(self) -> None:
        probes = [probe for probe in self.probes if probe is not None]
        if len(probes) != 1:
            raise exception.DriverError(
                reason=f'a Watts Up? has one outlet, but probes names '
                f'{len(probes)}'
            )
        (self._probe,) = probes
        self._port.open()
        self._port.write(START)

    def close(self) -> None:
        self._port.close()

    def stream(self) -> collections.abc.Iterator[measurement.Reading | None]:
        for frame in self._port.frames(Decoder().decode, self.silence):
            yield None if frame is None else _reading(self._probe, frame)


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
