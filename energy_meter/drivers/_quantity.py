# SPDX-License-Identifier: Apache-2.0


"""Numbers as network wattmeters give them.

JSON pages, database rows and BMCs give energy as a decimal number of some
unit. A register wants an integral counter: :class:`EnergyScale` makes one.
"""

import math

from energy_meter import measurement

#: Joules in each unit of energy that wattmeters use.
JOULES = {'kWh': 3.6e6, 'Wh': 3600.0, 'Wmin': 60.0, 'J': 1.0}


def number(value: object) -> float | None:
    """Give a value as a finite number; None for anything that isn't one.

    Digits in a string are a number: some devices quote theirs. A truth value
    is not.
    """
    if isinstance(value, bool):
        return None
    try:
        result = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return None
    return result if math.isfinite(result) else None


class EnergyScale:
    """Makes readings with a counter out of decimal energies.

    :param unit: a key of :data:`JOULES`.
    :param step: the smallest movement of the energy, in that unit; it
        becomes the counter's tick.
    """

    def __init__(self, unit: str, step: float) -> None:
        self.counter = measurement.Counter(joules=JOULES[unit] * step)
        self._step = step

    def reading(
        self,
        probe: str,
        watts: object,
        energy: object,
        at: float | None = None,
    ) -> measurement.Reading | None:
        """Make a reading of what a wattmeter gave.

        :param watts: power in watts, or anything else for "unavailable".
        :param energy: what the energy counter shows, in the scale's unit; a
            negative one is unavailable, too.
        :param at: when it was measured, as in a reading.
        :returns: None where neither is available.
        """
        power, shown = number(watts), number(energy)
        if shown is None or shown < 0:
            return (
                None
                if power is None
                else measurement.Reading(probe, power, at=at)
            )
        return measurement.Reading(
            probe, power, round(shown / self._step), self.counter, at=at
        )
