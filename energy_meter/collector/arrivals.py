# SPDX-License-Identifier: Apache-2.0

"""What one batch adds to the history of each register."""

import collections.abc

from energy_meter import measurement
from energy_meter.billing import history
from energy_meter.db import marks
from energy_meter.db import numbers
from energy_meter.db import upsert

_Measurements = collections.abc.Iterable[measurement.Measurement]


class Arrival:
    """All measurements of one register in a batch.

    :ivar last: the measurement of the largest elapsed time.
    :ivar live: the same without marks; None if there are only marks.
    :ivar lags: by class, the smallest difference between the time of arrival
        and the elapsed time, in ms.
    :ivar marks: energy in mJ and metered time of the marks, by slot and
        elapsed time.
    :ivar synced: whether the agent's clock was synchronized in any of them.
    :ivar settled_until: elapsed time up to which no mark changes the curve.
    """

    __slots__ = (
        '_first',
        'lags',
        'last',
        'live',
        'marks',
        'settled_until',
        'synced',
    )

    def __init__(
        self, received: measurement.Measurement, arrived_at: int
    ) -> None:
        elapsed = received.elapsed
        self.last = received
        self.live = None if received.is_mark else received
        self.marks: dict[tuple[int, int], tuple[int, int]] = {}
        self.settled_until = upsert.NO_MARK
        self._first = (elapsed, received.timestamp)
        self.synced = received.synced
        self.lags = {history.lag_class(elapsed): arrived_at - elapsed}
        if received.is_mark:
            self._add_mark(received)

    def add(self, received: measurement.Measurement, arrived_at: int) -> None:
        """Add another measurement of the register."""
        elapsed = received.elapsed
        if _point(received) > _point(self.last):
            self.last = received
        if received.is_mark:
            self._add_mark(received)
        elif self.live is None or elapsed > self.live.elapsed:
            self.live = received
        self._first = min(self._first, (elapsed, received.timestamp))
        self.synced |= received.synced
        number, lag = history.lag_class(elapsed), arrived_at - elapsed
        self.lags[number] = min(lag, self.lags.get(number, lag))

    def _add_mark(self, received: measurement.Measurement) -> None:
        key = received.timestamp // marks.SLOT_MS, received.elapsed
        values = received.millijoules, received.metered
        self.marks[key] = max(values, self.marks.get(key, values))

    def is_expired(self, arrived_at: int) -> bool:
        """Return whether all of the register is dated before the horizon.

        A clock that was not synchronized dates nothing.
        """
        return (
            self.synced and self.last.timestamp < arrived_at - marks.HORIZON_MS
        )

    def row(self, number: int, lag_class: int, arrived_at: int) -> upsert.Row:
        """Return the values for the register's row, with the lag of a class.

        :param number: number of the register.
        """
        last, probe, register = self.last, self.last.probe, self.last.register
        live = self.live or last
        return (
            number,
            probe.id,
            register.agent,
            register.id,
            *(last.after or (None, None)),
            *self._first,
            int(self.synced),
            lag_class,
            self.lags[lag_class],
            last.elapsed,
            last.millijoules,
            last.metered,
            probe.wattmeter,
            probe.driver,
            probe.scope,
            probe.host,
            probe.agent,
            # A wall clock that is ahead must not date a probe's power in the
            # future.
            min(live.timestamp, arrived_at),
            live.watts,
            live.volts,
            live.amperes,
            -1 if self.live is None else live.elapsed,
            self.settled_until,
        )


def _point(received: measurement.Measurement) -> tuple[int, int, int]:
    return received.elapsed, received.millijoules, received.metered


def collect(
    measurements: _Measurements, arrived_at: int
) -> dict[int, Arrival]:
    """Return what arrived of each register, by its number, in order.

    :param arrived_at: the database's clock, in ms.
    """
    arrivals: dict[tuple[str, measurement.RegisterKey], Arrival] = {}
    for received in measurements:
        key = received.probe.id, received.register
        arrival = arrivals.get(key)
        if arrival is None:
            arrivals[key] = Arrival(received, arrived_at)
        else:
            arrival.add(received, arrived_at)
    return dict(
        sorted(
            (numbers.number(*key), arrival)
            for key, arrival in arrivals.items()
        )
    )
