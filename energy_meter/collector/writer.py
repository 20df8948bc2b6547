# SPDX-License-Identifier: Apache-2.0

"""Writer of batches that survives database outages and invalid rows."""

import collections.abc
import itertools
import json
import logging
import threading
import typing

from oslo_db import exception as db_exception
import sqlalchemy as sa
import tenacity

from energy_meter import attempt
from energy_meter import log_throttle
from energy_meter import measurement
from energy_meter.bus import listener
from energy_meter.collector import outage
from energy_meter.collector import outcome
from energy_meter.collector import quotas
from energy_meter.collector import rejections
from energy_meter.collector import store
from energy_meter.collector import witness
from energy_meter.db import engine as db_engine
from energy_meter.db import schema
from energy_meter.telemetry import counters

LOG = logging.getLogger(__name__)

_T = typing.TypeVar('_T')

_INITIAL_BACKOFF_S, _MAX_BACKOFF_S = 0.1, 5.0
#: Number of failures of a batch after which the next attempts are observed.
#: Outages are usually shorter, or the database cannot be connected to at all.
_MAX_FAILURES = 4

#: Maximum size of the names in a batch, as JSON. No statement of it exceeds
#: MariaDB's smallest packet limit, 16 MiB, with what is not a name.
_MAX_NAME_BYTES = 8 * 1024 * 1024
#: Maximum size of a character in JSON, which PyMySQL escapes again.
_MAX_CHARACTER_BYTES = 14

#: Maximum number of measurements in quarantine. Others are dropped.
_MAX_QUARANTINED = 10_000

#: Name of the writer among the users of the database.
_USER = 'writer'

_DATA_ERRORS = (
    db_exception.DBDataError,
    db_exception.DBConstraintError,
    db_exception.DBInvalidUnicodeParameter,
)
_ERRORS = (*db_engine.ERRORS, db_exception.DBInvalidUnicodeParameter)

#: Why measurements change nothing.
_REASONS = {
    outcome.Outcome.AGENT_DISABLED: 'the agent is disabled',
    outcome.Outcome.EXPIRED: 'the register ended more than 30 days ago; '
    'check the clock of the agent',
    outcome.Outcome.VOID: 'the register is void; restart the agent to open '
    'another one',
    outcome.Outcome.SITE_QUOTA: 'there are as many probes as [collector] '
    'max_probes allows; delete probes, or raise it',
    outcome.Outcome.PROBE_QUOTA: 'the agent has as many probes as [collector] '
    'max_agent_probes allows; delete probes, or raise it',
    outcome.Outcome.REGISTER_QUOTA: 'a probe has as many registers as '
    '[collector] max_probe_registers allows; find out why the agent restarts '
    'so often, then raise it',
    outcome.Outcome.REGISTER_RATE: 'a probe had as many new registers in the '
    'last hour as [collector] max_hourly_registers allows; find out why the '
    'agent restarts so often. Registers that continue are accepted later',
    outcome.Outcome.MARK_RATE: 'a register has more marks than one a second; '
    'their energy is billed, but its date is estimated',
    outcome.Outcome.OTHER_QUANTITY: 'a probe of energy sends CPU time, or the '
    'other way round; rename one of them',
}


def _is_data_error(error: BaseException) -> bool:
    """Check whether the database will always reject the data."""
    # oslo.db converts some errors of PostgreSQL and MariaDB to data errors,
    # and wraps the others unchanged.
    cause = getattr(error, 'inner_exception', None)
    return isinstance(error, (*_DATA_ERRORS, sa.exc.DataError)) or isinstance(
        cause, sa.exc.DataError
    )


def _is_transient(error: BaseException) -> bool:
    """Check whether a retry can succeed, for example after an outage."""
    return isinstance(error, _ERRORS) and not _is_data_error(error)


def _split(
    measurements: list[measurement.Measurement],
) -> collections.abc.Iterator[list[measurement.Measurement]]:
    """Cut a batch by the size of its names."""
    start = size = 0
    for index, received in enumerate(measurements):
        names = ''.join(received.series.probe)
        length = len(names)
        size += length if names.isascii() else _MAX_CHARACTER_BYTES * length
        if size > _MAX_NAME_BYTES:
            yield measurements[start : index + 1]
            start, size = index + 1, 0
    if start < len(measurements):
        yield measurements[start:]


class Writer:
    """Writes batches, each in one transaction.

    Retries while the database is unavailable.

    :param stopping: set when the service stops.
    :param rejected: receives the rejections of each agent.
    :param limits: of what agents may add.
    :param database: receives its errors.
    """

    def __init__(
        self,
        engine: sa.Engine,
        stopping: threading.Event,
        counts: counters.Counters,
        rejected: rejections.Rejections,
        throttled_log: log_throttle.ThrottledLogger,
        limits: quotas.Quotas,
        database: outage.DatabaseOutage,
    ) -> None:
        self._engine = engine
        self._limits = limits
        self._stopping = stopping
        self._counters = counts
        self._rejections = rejected
        self._throttled_log = throttled_log
        self._database = database
        self._held = 0
        self._retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception(_is_transient),
            wait=tenacity.wait_random_exponential(
                _INITIAL_BACKOFF_S, _MAX_BACKOFF_S
            ),
            stop=tenacity.stop_when_event_set(stopping),
            sleep=tenacity.sleep_using_event(stopping),
            before_sleep=self._log_retry,
            reraise=True,
        )

    def write(self, measurements: list[measurement.Measurement]) -> None:
        """Write a batch, with as many retries as it takes.

        What the database rejects is isolated and moved to quarantine, even if
        the error looks like an outage.

        :raises Stopping: if the service stops before the batch is written.
        """
        self._held = len(measurements)
        for part in _split(measurements):
            self._write(part, is_suspect=False)

    def _write(
        self, measurements: list[measurement.Measurement], is_suspect: bool
    ) -> None:
        if self._stopping.is_set():
            raise listener.Stopping()
        failures = _MAX_FAILURES if is_suspect else 0
        attempts = itertools.count(failures)
        with self._counters.batch_duration():
            result, error = attempt.call(
                lambda: self._persist(
                    lambda: self._merge(measurements, next(attempts))
                ),
                (*_ERRORS, witness.DataRejected),
            )
        if result is not None:
            self._report(result)
        elif len(measurements) > 1:
            self._bisect(measurements)
        else:
            self._quarantine(
                measurements[0],
                getattr(error, 'reason', type(error).__name__),
            )

    def _persist(self, transaction: collections.abc.Callable[[], _T]) -> _T:
        """Run a transaction, with as many retries as it takes.

        :raises Stopping: if the service stops before it succeeds.
        :raises oslo_db.exception.DBError: if the database rejects the data.
        :raises DataRejected: the same, if an observed transaction shows it.
        """
        try:
            return self._retrying(transaction)
        except _ERRORS as error:
            if _is_data_error(error):
                raise
            raise listener.Stopping()

    def _merge(
        self, measurements: list[measurement.Measurement], failures: int
    ) -> store.BatchResult:
        if failures < _MAX_FAILURES:
            try:
                return self._try_to_merge(measurements)
            except _ERRORS:
                raise
            except Exception:
                LOG.debug('Cannot write a batch', exc_info=True)
        with witness.observe(self._engine):
            return self._try_to_merge(measurements)

    def _try_to_merge(
        self, measurements: list[measurement.Measurement]
    ) -> store.BatchResult:
        with db_engine.writing(self._engine) as connection:
            return store.write(
                connection,
                measurements,
                db_engine.now(connection),
                self._limits,
            )

    def _bisect(self, measurements: list[measurement.Measurement]) -> None:
        """Write both halves of a rejected batch, to isolate invalid rows."""
        middle = len(measurements) // 2
        self._write(measurements[:middle], is_suspect=True)
        self._write(measurements[middle:], is_suspect=True)

    def _quarantine(
        self, rejected: measurement.Measurement, reason: str
    ) -> None:
        self._counters.count('measurements_quarantined')
        self._throttled_log.warning(
            'quarantine',
            'Database rejected a measurement of probe %s (%s); moved it to '
            'table quarantine',
            rejected.probe.id,
            reason,
        )
        self._persist(lambda: self._insert_quarantined(rejected, reason))

    def _insert_quarantined(
        self, rejected: measurement.Measurement, reason: str
    ) -> None:
        with self._engine.begin() as connection:
            count = sa.select(sa.func.count()).select_from(schema.quarantine)
            if (connection.scalar(count) or 0) >= _MAX_QUARANTINED:
                return
            connection.execute(
                schema.quarantine.insert().values(
                    created_at=sa.select(db_engine.clock()).scalar_subquery(),
                    reason=reason,
                    # Without its vector, which MariaDB's text cannot hold.
                    measurement=json.dumps(
                        rejected._replace(usage=None).flat()
                    ),
                )
            )

    def _report(self, result: store.BatchResult) -> None:
        self._database.succeed(_USER)
        for result_outcome, count in result.outcomes.items():
            self._counters.count(
                'measurements_merged', count, outcome=result_outcome
            )
        if result.clock_skews:
            self._counters.count(
                'measurements_clamped', len(result.clock_skews)
            )
            skew, agent = max(result.clock_skews)
            self._throttled_log.warning(
                'clock',
                'Clock of agent %s is %.0f s ahead of the database; check NTP',
                agent,
                skew / 1000,
            )
        for (reason, agent), count in result.rejected.items():
            self._rejections.reject(reason, agent, count)
            self._throttled_log.warning(
                reason,
                'Rejected measurements from agent %s: %s',
                agent,
                _REASONS[reason],
                subject=agent,
            )

    def _log_retry(self, state: tenacity.RetryCallState) -> None:
        self._counters.count('write_retries')
        error = state.outcome.exception() if state.outcome else None
        if error is not None:
            self._database.report(error, _USER, self._held)
