# SPDX-License-Identifier: Apache-2.0

"""Validates readings and explains why one is rejected or not billed."""

import logging
import math
import typing

from energy_meter import attempt
from energy_meter import counter_accumulator
from energy_meter import cpu_usage
from energy_meter import exception
from energy_meter import log_throttle
from energy_meter import measurement
from energy_meter.bus import layouts
from energy_meter.telemetry import counters

LOG = logging.getLogger(__name__)

_REJECTION_TEXTS = {
    'empty': 'neither power nor energy',
    'not_finite': 'a value is not a finite number',
    'negative': 'a value is negative',
    'out_of_range': 'more than max_watts = {max_watts:g}',
    'invalid_usage': 'an instance has an invalid name, project, user or '
    'counter, or is listed twice, or there are more than '
    f'{layouts.MAX_INSTANCES}',
}

_DISTRUST_TEXTS = {
    counter_accumulator.IMPLAUSIBLE: (
        'this time is not metered: the energy counter was reset, or '
        'contradicts the power or max_watts = {max_watts:g}; check its unit'
    ),
    counter_accumulator.AMBIGUOUS: (
        'the time since the last reading is not metered: at max_watts = '
        '{max_watts:g}, the energy counter can have rolled over more than '
        'once; read it more often'
    ),
}


class Violation(typing.NamedTuple):
    """Reason why a reading is rejected or not billed.

    :ivar reason: value of the metric label ``reason``.
    :ivar text: description for the operator.
    :ivar rejected: whether the reading is dropped. If not, its power is
        published, but it adds no energy.
    """

    reason: str
    text: str
    rejected: bool


def check(reading: measurement.Reading, max_watts: float) -> str | None:
    """Return the reason why a reading is invalid.

    :param max_watts: maximum power of the probe, in watts.
    :returns: a value of the metric label ``reason``; None if the reading is
        valid.
    """
    if reading.watts is None and reading.ticks is None:
        return 'empty'
    if reading.monotonic is not None and not math.isfinite(reading.monotonic):
        return 'not_finite'
    for value in (reading.watts, reading.volts, reading.amperes):
        if value is not None and not 0.0 <= value < math.inf:
            return 'negative' if math.isfinite(value) else 'not_finite'
    if reading.ticks is not None and reading.ticks < 0:
        return 'negative'
    if reading.watts is not None and reading.watts > max_watts:
        return 'out_of_range'
    if reading.usage is not None and not _is_publishable(reading.usage):
        return 'invalid_usage'
    return None


def _is_publishable(usage: cpu_usage.Snapshot) -> bool:
    """Return whether readers of the bus accept a layout, and its values."""
    layout, counters = usage
    _, error = attempt.call(
        lambda: layouts.decode(layouts.encode(layout)),
        exception.RejectedMessage,
    )
    return (
        error is None
        and len(counters) == len(layout.instances)
        and all(
            0 <= ticks < measurement.INTEGER_LIMIT for _, ticks in counters
        )
    )


def validate(
    reading: measurement.Reading, max_watts: float, energy: str
) -> Violation | None:
    """Return why a reading is rejected or not billed; None if it is valid.

    :param max_watts: maximum power of the probe, in watts.
    :param energy: ``auto``, ``counter`` or ``integrate``.
    """
    reason = check(reading, max_watts)
    if reason is not None:
        text = _REJECTION_TEXTS[reason].format(max_watts=max_watts)
        values = _format_values(reading)
        return Violation(
            reason,
            f'reading rejected: {text}' + (f' ({values})' if values else ''),
            True,
        )
    if energy == 'counter' and reading.ticks is None:
        return Violation(
            'no_counter',
            'no energy is billed: energy = counter, '
            'but the reading has no energy counter',
            False,
        )
    if energy == 'integrate' and reading.watts is None:
        return Violation(
            'no_power',
            'no energy is billed: energy = integrate, '
            'but the reading has no power, only an energy counter',
            False,
        )
    return None


def distrust(reason: str, max_watts: float) -> Violation:
    """Return why a valid reading is not billed.

    :param reason: a reason of :mod:`energy_meter.counter_accumulator`.
    :param max_watts: maximum power of the probe, in watts.
    """
    text = _DISTRUST_TEXTS[reason].format(max_watts=max_watts)
    return Violation(reason, text, False)


def _format_values(reading: measurement.Reading) -> str:
    return ', '.join(
        f'{value:.10g} {unit}'
        for value, unit in (
            (reading.watts, 'W'),
            (reading.ticks, 'ticks'),
            (reading.volts, 'V'),
            (reading.amperes, 'A'),
        )
        if value is not None
    )


class ViolationLog:
    """Counts violations, and logs each reason of each probe once.

    Repetitions are logged at growing intervals. A valid reading does not
    reset the interval: violations often alternate with valid readings.
    """

    def __init__(self, counts: counters.Counters) -> None:
        self._counters = counts
        self._throttled_log = log_throttle.ThrottledLogger(LOG)

    def record(self, probe: str, violation: Violation) -> None:
        """Count and log a violation by a reading of this probe."""
        self._counters.count(
            'readings_rejected' if violation.rejected else 'readings_unbilled',
            reason=violation.reason,
        )
        self._throttled_log.warning(
            f'{violation.reason} {probe}',
            'Probe %s: %s',
            probe,
            violation.text,
        )

    def record_out_of_order(self) -> None:
        """Count a reading that is not newer than the last one.

        Such readings are normal and not logged: after reopening a page or a
        database, a driver returns the row that it has read before.
        """
        self._counters.count('readings_rejected', reason='out_of_order')
