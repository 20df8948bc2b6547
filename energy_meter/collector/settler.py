# SPDX-License-Identifier: Apache-2.0

"""Thread that settles contested probes."""

import logging
import threading

import sqlalchemy as sa

from energy_meter import attempt
from energy_meter import log_throttle
from energy_meter.collector import alarms
from energy_meter.collector import settling
from energy_meter.db import engine as db_engine
from energy_meter.telemetry import counters

LOG = logging.getLogger(__name__)

#: Number of probes that are settled in one transaction. Batches that advance
#: one of them wait for it.
_CHUNK = 100


class Settler(threading.Thread):
    """Settles all contested probes once per interval.

    Each collector does. Probes that another one is settling are skipped.

    :param interval: seconds between two passes.
    """

    def __init__(
        self,
        engine: sa.Engine,
        interval: float,
        counts: counters.Counters,
        throttled_log: log_throttle.ThrottledLogger,
    ) -> None:
        super().__init__(name='settler', daemon=True)
        self._engine = engine
        self._interval = interval
        self._counters = counts
        self._throttled_log = throttled_log
        self._alarms = alarms.Alarms(counts, throttled_log)
        self._stopping = threading.Event()

    def run(self) -> None:
        while not self._stopping.wait(self._interval):
            _, error = attempt.call(self.settle, db_engine.ERRORS)
            if error is not None:
                self._throttled_log.warning(
                    'settling',
                    'Cannot settle contested probes (%s); retrying',
                    db_engine.explain(error),
                )
            else:
                self._throttled_log.recovered(
                    'settling', 'Contested probes are settled again'
                )

    def stop(self, timeout: float) -> None:
        """End after the present transaction.

        :param timeout: maximum number of seconds to wait for that.
        """
        self._stopping.set()
        if self.is_alive():
            self.join(timeout)

    def settle(self) -> None:
        """Settle all contested probes, and report new alarms.

        Probes that another transaction is writing are tried once more.
        """
        with self._engine.connect() as connection:
            waiting = settling.contested(connection)
        for _ in range(2):
            waiting = self._settle_all(waiting)
        self._alarms.report(self._engine)

    def _settle_all(self, probes: list[str]) -> list[str]:
        """Settle probes, and return those that were skipped."""
        skipped: list[str] = []
        for start in range(0, len(probes), _CHUNK):
            if self._stopping.is_set():
                return []
            chunk = probes[start : start + _CHUNK]
            with db_engine.writing(self._engine) as connection:
                settled = settling.settle(
                    connection, chunk, db_engine.now(connection)
                )
            self._counters.count('probes_settled', len(settled))
            skipped += [probe for probe in chunk if probe not in settled]
        return skipped
