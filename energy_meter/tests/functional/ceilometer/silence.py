# SPDX-License-Identifier: Apache-2.0

"""A day of a probe with a silence of five hours.

The bus is unreachable for the agent from 09:10 to 14:10. Its marks arrive
afterwards.
"""

import collections.abc
import itertools
import time

import sqlalchemy as sa

from energy_meter import measurement
from energy_meter.collector import settling
from energy_meter.collector import store
from energy_meter.db import closed_days
from energy_meter.db import engine as db_engine
from energy_meter.db import schema
from energy_meter.tests.unit.db import curves

MINUTE_S = 60
HOUR_S = 3600
DAY_S = 86_400
MINUTES = 24 * 60

#: First minute without a message, and the first one with a message.
AWAY, BACK = 9 * 60 + 11, 14 * 60 + 10

MILLIJOULES_PER_WH = 3_600_000


def watts(minute: int) -> int:
    """Return the power in a minute of the day: more in each hour."""
    return 1000 + 50 * (minute // 60)


#: Energy in mJ by the end of each minute.
ENERGY = [
    *itertools.accumulate(
        (watts(minute) * MINUTE_S * 1000 for minute in range(MINUTES)),
        initial=0,
    )
]
#: Energy of each hour in Wh.
EXPECTED = [watts(hour * 60) for hour in range(24)]


class Silence:
    """The day before yesterday of a probe, closed.

    :ivar midnight: its start in seconds since the epoch.
    """

    def __init__(self, engine: sa.Engine, probe: str) -> None:
        """Write the measurements, and close the day."""
        self._engine = engine
        self.probe = probe
        self.midnight = int(time.time()) // DAY_S * DAY_S - 2 * DAY_S
        for minute in (*range(0, AWAY, 3), *range(BACK, MINUTES, 3)):
            self._receive(minute, [minute], is_mark=False)
        self._receive(BACK, range(15, BACK, 15), is_mark=True)
        self._receive(MINUTES, range(BACK, MINUTES + 1, 5), is_mark=True)
        self._close()

    def _measure(self, minute: int, is_mark: bool) -> measurement.Measurement:
        """Return the state of the only register."""
        return measurement.Measurement(
            measurement.Series(
                measurement.Probe(
                    self.probe, 'node', 'c1', 'bmc', 'dummy', 'agent'
                ),
                measurement.RegisterKey('agent-uuid', '0' * 16),
                after=None,
                synced=True,
            ),
            timestamp=(self.midnight + minute * MINUTE_S) * 1000,
            elapsed=minute * MINUTE_S * 1000,
            millijoules=ENERGY[minute],
            metered=minute * MINUTE_S * 1000,
            watts=None if is_mark else watts(minute),
            is_mark=is_mark,
        )

    def _receive(
        self,
        arrival: int,
        minutes: collections.abc.Iterable[int],
        is_mark: bool,
    ) -> None:
        """Write the measurements of some minutes, which arrive at once.

        :param arrival: minute of the arrival.
        """
        with db_engine.writing(self._engine) as connection:
            store.write(
                connection,
                [self._measure(minute, is_mark) for minute in minutes],
                (self.midnight + arrival * MINUTE_S) * 1000 + 500,
            )

    def _close(self) -> None:
        """Write version 1 of the day."""
        day = self.midnight // DAY_S
        start = day * closed_days.DAY_MS
        dates = range(
            start, start + closed_days.DAY_MS + 1, closed_days.INTERVAL_MS
        )
        with db_engine.writing(self._engine) as connection:
            settling.settle(
                connection, [self.probe], db_engine.now(connection)
            )
        with db_engine.snapshot(self._engine) as connection:
            line = curves.load(connection, self.probe)
        version = closed_days.ClosedDay(
            self.probe,
            day,
            version=1,
            closed_at=start + 2 * closed_days.DAY_MS,
            complete=True,
            reason='',
            username='',
            edges=tuple(line.edge(date) for date in dates),
            clocks=tuple(
                line.clock(*pair) for pair in itertools.pairwise(dates)
            ),
        )
        with self._engine.begin() as connection:
            closed_days.insert(connection, [version])
            connection.execute(
                schema.probe.update()
                .where(schema.probe.c.id == self.probe)
                .values(closed_until=start + closed_days.DAY_MS)
            )
