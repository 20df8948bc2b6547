# SPDX-License-Identifier: Apache-2.0

"""Numbers and units of energy, as network wattmeters report them.

JSON pages, database rows and BMCs report energy as a decimal number in some
unit. A register needs an integer counter; :class:`EnergyScale` converts.
"""

import math

from energy_meter import measurement

#: Joules in each unit of energy that wattmeters use.
JOULES = {
    'kWh': 3.6e6,
    'Wh': 3600.0,
    'Wmin': 60.0,
    'J': 1.0,
    'mJ': 1e-3,
    'uJ': 1e-6,
}

#: Watts in each unit of power that wattmeters use.
WATTS = {'kW': 1e3, 'W': 1.0, 'mW': 1e-3, 'uW': 1e-6}


def parse(text: str) -> float:
    """Return the number in the text of a device.

    Python's own functions ignore underscores between digits: a text such as
    ``1_0`` is damaged, or means something else.

    :raises ValueError: if it is not a number.
    """
    _reject_underscores(text)
    return float(text)


def parse_integer(text: str) -> int:
    """Return the integer in the text of a device, as :func:`parse`.

    :raises ValueError: if it is not an integer.
    """
    _reject_underscores(text)
    return int(text)


def _reject_underscores(text: str) -> None:
    if '_' in text:
        raise ValueError(f'{text[:40]!r} is not a number')


def number(value: object) -> float | None:
    """Return a value as a finite number; None if it is not one.

    A string of digits is a number, because some devices quote theirs. A
    Boolean is not.
    """
    if isinstance(value, bool):
        return None
    try:
        if isinstance(value, str):
            result = parse(value)
        else:
            result = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return None
    return result if math.isfinite(result) else None


class EnergyScale:
    """Converts decimal energies to readings with an integer counter.

    :param unit: a key of :data:`JOULES`.
    :param step: smallest increment of the energy, in that unit. It becomes
        the tick of the counter.
    :param watts_unit: unit of the power, a key of :data:`WATTS`.
    """

    def __init__(self, unit: str, step: float, watts_unit: str = 'W') -> None:
        self.counter = measurement.Counter(joules_per_tick=JOULES[unit] * step)
        self._step = step
        self._watts = WATTS[watts_unit]

    def reading(
        self,
        probe: str,
        watts: object,
        energy: object,
        monotonic: float | None = None,
    ) -> measurement.Reading | None:
        """Return a reading of the values that a wattmeter reported.

        :param watts: power, in ``watts_unit``; unavailable if not a number.
        :param energy: value of the energy counter, in the unit of the scale;
            unavailable if not a number, or negative.
        :param monotonic: as in :class:`energy_meter.measurement.Reading`.
        :returns: None if neither is available.
        """
        power, total = number(watts), number(energy)
        if power is not None:
            power *= self._watts
        if total is None or total < 0:
            if power is None:
                return None
            return measurement.Reading(probe, power, monotonic=monotonic)
        return measurement.Reading(
            probe,
            power,
            round(total / self._step),
            self.counter,
            monotonic=monotonic,
        )
