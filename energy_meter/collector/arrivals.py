# SPDX-License-Identifier: Apache-2.0

"""What one batch adds to the history of each register."""

import collections.abc

from energy_meter import cpu_usage
from energy_meter import measurement
from energy_meter.billing import history
from energy_meter.db import marks
from energy_meter.db import numbers
from energy_meter.db import schema
from energy_meter.db import upsert

_ENERGY, _CPU_TIME = schema.Quantity
#: In place of the register that one without a predecessor follows.
_NONE = None, None
_NO_MARKS: dict[tuple[int, int], tuple[int, int]] = {}
_NO_USAGES: dict[int, cpu_usage.Usage] = {}

_Measurements = collections.abc.Iterable[measurement.Measurement]


class Arrival:
    """All measurements of one register in a batch.

    :ivar last: the measurement of the largest elapsed time.
    :ivar live: the same without marks; None if there are only marks.
    :ivar lags: by class of lags, the largest elapsed time.
    :ivar marks: energy in mJ and metered time of the marks, by slot and
        elapsed time.
    :ivar usages: vectors of the marks by elapsed time, if they have any.
    :ivar quantity: of the first measurement; a register has one.
    :ivar synced: whether the agent's clock was synchronized in any of them.
    :ivar settled_until: elapsed time up to which no mark changes the curve.
    """

    __slots__ = (
        '_first_elapsed',
        '_first_timestamp',
        '_metered',
        '_millijoules',
        'lags',
        'last',
        'live',
        'marks',
        'quantity',
        'settled_until',
        'synced',
        'usages',
    )

    def __init__(self, received: measurement.Measurement) -> None:
        (
            series,
            timestamp,
            elapsed,
            millijoules,
            metered,
            _,
            _,
            _,
            is_mark,
            usage,
        ) = received
        self.last = received
        self.quantity = _ENERGY if usage is None else _CPU_TIME
        self.live = None if is_mark else received
        # Most registers have none, and 20,000 dictionaries less make the
        # garbage collector run less often.
        self.marks, self.usages = _NO_MARKS, _NO_USAGES
        self.settled_until: int | None = None
        self._first_elapsed = elapsed
        self._first_timestamp = timestamp
        self._millijoules = millijoules
        self._metered = metered
        self.synced = series.synced
        self.lags = {history.lag_class(elapsed): elapsed}
        if is_mark:
            self._add_mark(received)

    def add(self, received: measurement.Measurement) -> None:
        """Add another measurement of the register."""
        series, timestamp, elapsed, millijoules, metered, *_ = received
        if elapsed > self.last.elapsed:
            self.last = received
        if millijoules > self._millijoules:
            self._millijoules = millijoules
        if metered > self._metered:
            self._metered = metered
        if received.is_mark:
            self._add_mark(received)
        elif self.live is None or elapsed > self.live.elapsed:
            self.live = received
        if elapsed <= self._first_elapsed:
            self._first_elapsed, self._first_timestamp = min(
                (self._first_elapsed, self._first_timestamp),
                (elapsed, timestamp),
            )
        self.synced |= series.synced
        number = history.lag_class(elapsed)
        self.lags[number] = max(elapsed, self.lags.get(number, 0))

    def _add_mark(self, received: measurement.Measurement) -> None:
        key = received.timestamp // marks.SLOT_MS, received.elapsed
        values = received.millijoules, received.metered
        if values < self.marks.get(key, values):
            return
        if not self.marks:
            self.marks, self.usages = {}, {}
        self.marks[key] = values
        if received.usage is not None:
            self.usages[received.elapsed] = received.usage

    def is_expired(self, arrived_at: int) -> bool:
        """Return whether all of the register is dated before the horizon.

        A clock that was not synchronized dates nothing.
        """
        return (
            self.synced and self.last.timestamp < arrived_at - marks.HORIZON_MS
        )

    def opened_after(self, arrived_at: int) -> int:
        """Return a date, in ms, that the opening is not before.

        Unless other measurements of the register arrive with a smaller lag.
        """
        own = self._first_timestamp - self._first_elapsed
        return min(own, arrived_at - max(self.lags.values()))

    def row(
        self, number: int, lag_elapsed: int, arrived_at: int
    ) -> upsert.Row:
        """Return the values for the register's row, with one of its lags.

        :param number: number of the register.
        :param lag_elapsed: one of the lags.
        """
        live = self.live or self.last
        probe, register, after, _ = self.last.series
        after_register, after_elapsed = after or _NONE
        _, timestamp, live_elapsed, _, _, watts, volts, amperes, *_ = live
        return (
            int(self.synced),
            watts,
            volts,
            amperes,
            self.settled_until,
            after_elapsed,
            self.last.elapsed,
            self._metered,
            self._millijoules,
            -1 if self.live is None else live_elapsed,
            lag_elapsed,
            self._first_elapsed,
            self._first_timestamp,
            # A wall clock that is ahead must not date a probe's power in the
            # future.
            min(timestamp, arrived_at),
            probe.scope,
            number,
            after_register,
            probe.driver,
            register.id,
            probe.agent,
            probe.wattmeter,
            probe.id,
            probe.host,
            register.agent,
        )


def collect(measurements: _Measurements) -> dict[int, Arrival]:
    """Return what arrived of each register, by its number, in order."""
    arrivals: dict[int, Arrival] = {}
    for received in measurements:
        series = received.series
        number = numbers.number(series.probe.id, series.register)
        arrival = arrivals.get(number)
        if arrival is None:
            arrivals[number] = Arrival(received)
        else:
            arrival.add(received)
    return {number: arrivals[number] for number in sorted(arrivals)}
