# SPDX-License-Identifier: Apache-2.0


"""Power over a period, and the figures that tell it in short."""

import typing

from energy_meter import exception

#: Seconds of each period that can be shown.
PERIODS = {
    'minute': 60,
    'hour': 3600,
    'day': 86_400,
    'week': 7 * 86_400,
    'month': 31 * 86_400,
    'year': 366 * 86_400,
}

_JOULES_PER_KWH = 3_600_000


class Figures(typing.NamedTuple):
    """What the legend of a graph tells.

    Where nothing is known, all are None.

    :ivar minimum: power, in watts, as are the next three.
    :ivar last: the last that is known.
    :ivar kwh: energy of the time for which power is known.
    :ivar cost: of that energy; None without a price.
    """

    minimum: float | None
    average: float | None
    maximum: float | None
    last: float | None
    kwh: float | None
    cost: float | None


class Series(typing.NamedTuple):
    """Power over a period, in steps.

    The lists are of the same length, and hold None where nothing is known.

    :ivar start: when the first step begins, in seconds since the epoch.
    :ivar step: seconds of a step.
    :ivar watts: mean power of each step.
    :ivar minima: smallest power in each step.
    :ivar maxima: largest power in each step.
    :ivar price: of one kWh, None if there is none.
    """

    start: int
    step: int
    watts: list[float | None]
    minima: list[float | None]
    maxima: list[float | None]
    price: float | None = None

    @property
    def end(self) -> int:
        return self.start + self.step * len(self.watts)

    @property
    def figures(self) -> Figures:
        known = [value for value in self.watts if value is not None]
        if not known:
            return Figures(None, None, None, None, None, None)
        kwh = sum(known) * self.step / _JOULES_PER_KWH
        return Figures(
            min(value for value in self.minima if value is not None),
            sum(known) / len(known),
            max(value for value in self.maxima if value is not None),
            known[-1],
            kwh,
            None if self.price is None else kwh * self.price,
        )


def seconds(period: str) -> int:
    """Give the length of a period.

    :raises UnknownPeriod: when there is no such period.
    """
    try:
        return PERIODS[period]
    except KeyError:
        raise exception.UnknownPeriod(period=period, known=', '.join(PERIODS))
