# SPDX-License-Identifier: Apache-2.0

"""Power over a period, and the figures that summarize it."""

import typing

_JOULES_PER_KWH = 3_600_000


class Figures(typing.NamedTuple):
    """Figures of a series. All are None if its power is unknown throughout.

    :ivar minimum: power, in watts, as are the next three.
    :ivar last: the last known value.
    :ivar kwh: energy of the time for which the power is known.
    :ivar cost: of that energy; None without a price.
    """

    minimum: float | None
    average: float | None
    maximum: float | None
    last: float | None
    kwh: float | None
    cost: float | None

    def including(self, watts: float | None) -> 'Figures':
        """Return the figures of a period that also had this power.

        A series ends with its last complete step, so the current power can be
        beyond its minimum or maximum.
        """
        if watts is None:
            return self
        return self._replace(
            minimum=watts
            if self.minimum is None
            else min(self.minimum, watts),
            maximum=watts
            if self.maximum is None
            else max(self.maximum, watts),
        )


class Series(typing.NamedTuple):
    """Power over a period, in steps.

    The lists have the same length. Unknown values are None.

    :ivar start: start of the first step, in seconds since the epoch.
    :ivar step: seconds of one step.
    :ivar watts: mean power of each step.
    :ivar minima: minimum power of each step.
    :ivar maxima: maximum power of each step.
    :ivar price: price of one kWh; None if not configured.
    """

    start: int
    step: int
    watts: list[float | None]
    minima: list[float | None]
    maxima: list[float | None]
    price: float | None = None

    @property
    def end(self) -> int:
        """End of the last step, in seconds since the epoch."""
        return self.start + self.step * len(self.watts)

    @property
    def figures(self) -> Figures:
        """Figures of all known steps."""
        known = _known(self.watts)
        if not known:
            return Figures(None, None, None, None, None, None)
        total = sum(known)
        kwh = total * self.step / _JOULES_PER_KWH
        return Figures(
            min(known if self.minima is self.watts else _known(self.minima)),
            total / len(known),
            max(known if self.maxima is self.watts else _known(self.maxima)),
            known[-1],
            kwh,
            None if self.price is None else kwh * self.price,
        )


class Stack(typing.NamedTuple):
    """Power of groups of probes over a period, in the steps of their sum.

    :ivar bands: mean power of each step, by group.
    :ivar missing: number of probes whose power is unknown, by step.
    """

    total: Series
    bands: list[list[float | None]]
    missing: list[int]


def mean(values: list[float | None]) -> float | None:
    """Return the mean of the known values; None if there are none."""
    known = _known(values)
    return sum(known) / len(known) if known else None


def _known(values: list[float | None]) -> list[float]:
    return [value for value in values if value is not None]
