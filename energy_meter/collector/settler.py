# SPDX-License-Identifier: Apache-2.0

"""Thread that settles contested probes."""

import collections.abc
import logging
import threading
import time

import sqlalchemy as sa

from energy_meter import attempt
from energy_meter import log_throttle
from energy_meter.collector import alarms
from energy_meter.collector import outage
from energy_meter.collector import settling
from energy_meter.db import engine as db_engine
from energy_meter.db import schema
from energy_meter.telemetry import counters

LOG = logging.getLogger(__name__)

#: Number of probes, and of their registers, that are settled in one
#: transaction, or one probe. Batches that advance one of them wait for it.
_MAX_PROBES, _MAX_REGISTERS = 100, 2000

#: Number of registers by ID of the probe.
_Sizes = dict[str, int]


class Settler(threading.Thread):
    """Settles all contested probes once per interval.

    Each collector does. Probes that another one is settling are skipped.

    :param interval: seconds between two passes.
    :param database: receives its errors.
    """

    def __init__(
        self,
        engine: sa.Engine,
        interval: float,
        counts: counters.Counters,
        throttled_log: log_throttle.ThrottledLogger,
        database: outage.DatabaseOutage,
    ) -> None:
        super().__init__(name='settler', daemon=True)
        self._engine = engine
        self._interval = interval
        self._counters = counts
        self._database = database
        self._alarms = alarms.Alarms(counts, throttled_log)
        self._alarms_due = time.monotonic()
        self._stopping = threading.Event()

    def run(self) -> None:
        while not self._stopping.wait(self._interval):
            _, error = attempt.call(self.settle, db_engine.ERRORS)
            if error is not None:
                self._database.report(error, self.name)
            else:
                self._database.succeed(self.name)

    def stop(self, timeout: float) -> None:
        """End after the present transaction.

        :param timeout: maximum number of seconds to wait for that.
        """
        self._stopping.set()
        if self.is_alive():
            self.join(timeout)

    def settle(self) -> None:
        """Settle all contested probes, and report new alarms if that is due.

        Probes that another transaction is writing are tried once more.
        """
        with self._engine.connect() as connection:
            waiting = _contested(connection)
        for _ in range(2):
            waiting = self._settle_all(waiting)
        if time.monotonic() >= self._alarms_due:
            self._alarms.report(self._engine)
            self._alarms_due = time.monotonic() + alarms.INTERVAL_S

    def _settle_all(self, probes: _Sizes) -> _Sizes:
        """Settle probes in order, and return those that were skipped."""
        skipped: _Sizes = {}
        for chunk in _chunks(probes):
            if self._stopping.is_set():
                return {}
            with db_engine.writing(self._engine) as connection:
                settled = settling.settle(
                    connection, chunk, db_engine.now(connection)
                )
            self._counters.count('probes_settled', len(settled))
            skipped |= {
                probe: probes[probe] for probe in chunk if probe not in settled
            }
        return skipped


def _contested(connection: sa.Connection) -> _Sizes:
    """Return all probes that are to be settled, the smallest first.

    One with thousands of registers takes seconds, and delays no other so.
    """
    probe, count = schema.probe.c, sa.func.count(schema.register.c.number)
    query = (
        sa.select(probe.id, count)
        .join_from(
            schema.probe,
            schema.register,
            schema.register.c.probe == probe.id,
            isouter=True,
        )
        .where(probe.contested)
        .group_by(probe.id)
        .order_by(count, probe.id)
    )
    return {name: size for name, size in connection.execute(query)}


def _chunks(probes: _Sizes) -> collections.abc.Iterator[list[str]]:
    """Return the probes of each transaction."""
    chunk: list[str] = []
    registers = 0
    for name, size in probes.items():
        if chunk and (
            len(chunk) == _MAX_PROBES or registers + size > _MAX_REGISTERS
        ):
            yield chunk
            chunk, registers = [], 0
        chunk.append(name)
        registers += size
    if chunk:
        yield chunk
