# SPDX-License-Identifier: Apache-2.0


"""Times that a device gives, on the monotonic clock.

A device or database tells when it measured by a wall clock, while energy is
integrated on the agent's monotonic clock. The distance between the two is
taken once. What lies between two measurements is so told by the device's
clock alone: a step of the agent's wall clock bends no energy, and polling
with jitter doesn't either. Should a step make the device's times look stale
or future, that is an error: the driver is opened anew, and with it the
distance.
"""

import datetime
import time

from energy_meter import exception
from energy_meter.drivers import _quantity


class Timeline:
    """Places a device's times, and tells which of them are news.

    :param device: what to call the device in an error.
    :param max_age: seconds beyond which a time is stale, or by which it may
        be ahead of this machine's clock.
    """

    def __init__(self, device: str, max_age: float) -> None:
        self._device = device
        self._max_age = max_age
        self._offset = time.monotonic() - time.time()
        self._newest: dict[str, float] = {}

    def place(self, probe: str, value: object) -> float | None:
        """Give the moment of a probe's measurement on the monotonic clock.

        :param value: a datetime, ISO 8601 text, or seconds since the epoch.
            Times without a zone are UTC.
        :returns: None if it isn't newer than the probe's last one.
        :raises ProtocolError: when it is no time, too old, or in the future.
        """
        seconds = _epoch(value)
        if seconds is None:
            raise self._error(probe, f'{value!r} is no time')
        now = time.monotonic()
        age = now - (seconds + self._offset)
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
        if seconds <= self._newest.get(probe, float('-inf')):
            return None
        self._newest[probe] = seconds
        return now - max(age, 0.0)

    def _error(self, probe: str, reason: str) -> exception.ProtocolError:
        return exception.ProtocolError(
            device=self._device, reason=f'{probe}: {reason}'
        )


def _epoch(value: object) -> float | None:
    """Give seconds since the epoch, None for what is no time."""
    if isinstance(value, str) and _quantity.number(value) is None:
        try:
            value = datetime.datetime.fromisoformat(value)
        except ValueError:
            return None
    if isinstance(value, datetime.datetime):
        if value.tzinfo is None:
            value = value.replace(tzinfo=datetime.UTC)
        return value.timestamp()
    return _quantity.number(value)
