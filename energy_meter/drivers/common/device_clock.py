# SPDX-License-Identifier: Apache-2.0

"""Conversion of a device's timestamps to the agent's monotonic clock.

A device or database timestamps its measurements by a wall clock, but the
agent integrates energy over its monotonic clock. The offset between the two
is determined once, when the driver is opened. Intervals between measurements
come from the device's clock alone, so neither a step of the agent's wall
clock nor polling jitter distorts the integrated energy. If a step makes the
device's timestamps look stale or in the future, that is an error: the agent
opens a new driver, which determines a new offset.
"""

import datetime
import time

from energy_meter import exception
from energy_meter.drivers.common import units


class DeviceClock:
    """Converts a device's timestamps, and drops repeated measurements.

    :param device: name of the device for error texts.
    :param max_age: maximum age of a timestamp in seconds, and maximum time
        that it may be ahead of this machine's clock.
    """

    def __init__(self, device: str, max_age: float) -> None:
        self._device = device
        self._max_age = max_age
        self._offset = time.monotonic() - time.time()
        self._newest: dict[str, float] = {}

    def to_monotonic(self, probe: str, value: object) -> float | None:
        """Return the time of a probe's measurement on the monotonic clock.

        :param value: a datetime, ISO 8601 text, or seconds since the epoch.
            Times without a time zone are UTC.
        :returns: None if it is not newer than the probe's previous one.
        :raises ProtocolError: if it is not a time, is older than ``max_age``,
            or is more than ``max_age`` in the future.
        """
        timestamp = parse(value)
        if timestamp is None:
            raise self._error(probe, f'{value!r} is not a time')
        monotonic = time.monotonic()
        age = monotonic - (timestamp + self._offset)
        if age > self._max_age:
            raise self._error(
                probe,
                f'measured {age:.0f} s ago, more than '
                f'max_age = {self._max_age:g}',
            )
        if age < -self._max_age:
            raise self._error(
                probe,
                f'measured {-age:.0f} s in the future: the clocks differ',
            )
        if timestamp <= self._newest.get(probe, float('-inf')):
            return None
        self._newest[probe] = timestamp
        return monotonic - max(age, 0.0)

    def _error(self, probe: str, reason: str) -> exception.ProtocolError:
        return exception.ProtocolError(
            device=self._device, reason=f'{probe}: {reason}'
        )


def parse(value: object) -> float | None:
    """Return a time as seconds since the epoch; None if it is not a time.

    :param value: as :meth:`DeviceClock.to_monotonic`.
    """
    if isinstance(value, str) and units.number(value) is None:
        try:
            value = datetime.datetime.fromisoformat(value)
        except ValueError:
            return None
    if isinstance(value, datetime.datetime):
        if value.tzinfo is None:
            value = value.replace(tzinfo=datetime.UTC)
        return value.timestamp()
    return units.number(value)
