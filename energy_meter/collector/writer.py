# SPDX-License-Identifier: Apache-2.0

"""Batches that reach the database whatever happens to it."""

import collections.abc
import json
import logging
import threading
import typing

from oslo_db import exception as db_exception
import sqlalchemy as sa
import tenacity

from energy_meter import complaint
from energy_meter import counters
from energy_meter import measurement
from energy_meter.bus import listener
from energy_meter.collector import store
from energy_meter.db import engine as db_engine
from energy_meter.db import schema

LOG = logging.getLogger(__name__)

_T = typing.TypeVar('_T')

_LONGEST_PAUSE = 5.0

_ERRORS = (
    db_exception.DBError,
    db_exception.DBInvalidUnicodeParameter,
    sa.exc.SQLAlchemyError,
)


def _is_refusal(error: BaseException) -> bool:
    """Tell whether a row is at fault, which the database will never take."""
    # oslo.db knows some of PostgreSQL's and MariaDB's errors as data errors
    # and wraps the others as they are.
    return isinstance(
        error,
        (
            db_exception.DBDataError,
            db_exception.DBConstraintError,
            db_exception.DBInvalidUnicodeParameter,
        ),
    ) or isinstance(getattr(error, 'inner_exception', None), sa.exc.DataError)


def _is_trouble(error: BaseException) -> bool:
    """Tell whether the database is at fault: that is waited out."""
    return isinstance(error, _ERRORS) and not _is_refusal(error)


class Writer:
    """Writes batches, each in one transaction.

    While the database is away a batch is held and tried again.

    :param takeover: seconds of silence after which an owner is given up.
    :param stopping: set when the service stops.
    """

    def __init__(
        self,
        engine: sa.Engine,
        takeover: float,
        stopping: threading.Event,
        counts: counters.Counters,
        complaints: complaint.Complaints,
    ) -> None:
        self._engine = engine
        self._takeover = takeover
        self._stopping = stopping
        self._counters = counts
        self._complaints = complaints
        self._retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception(_is_trouble),
            wait=tenacity.wait_random_exponential(0.1, _LONGEST_PAUSE),
            stop=tenacity.stop_when_event_set(stopping),
            sleep=tenacity.sleep_using_event(stopping),
            before_sleep=self._complain,
            reraise=True,
        )

    def write(self, words: list[measurement.Measurement]) -> None:
        """Write a batch, however long it takes.

        :param words: as :func:`energy_meter.collector.merge.newest` gives
            them.
        :raises Stopping: when the service stops before it could.
        """
        if self._stopping.is_set():
            raise listener.Stopping()
        try:
            with self._counters.flushing():
                tally = self._persist(self._merge, words)
        except _ERRORS as error:
            self._divide(words, error)
        else:
            self._report(tally)

    def _persist(
        self, do: collections.abc.Callable[..., _T], *args: typing.Any
    ) -> _T:
        """Do something in the database once it is there.

        :raises Stopping: when the service stops before it could.
        :raises oslo_db.exception.DBError: when the database refuses it.
        """
        try:
            return self._retrying(do, *args)
        except _ERRORS as error:
            if _is_refusal(error):
                raise
            raise listener.Stopping()

    def _merge(self, words: list[measurement.Measurement]) -> store.Tally:
        with self._engine.begin() as connection:
            return store.write(
                connection, words, db_engine.now(connection), self._takeover
            )

    def _divide(
        self, words: list[measurement.Measurement], error: Exception
    ) -> None:
        """Find the words that the database refuses and set them aside."""
        if len(words) > 1:
            middle = len(words) // 2
            self.write(words[:middle])
            self.write(words[middle:])
            return
        self._counters.count('quarantined')
        self._complaints.complain(
            'quarantine',
            'The database refuses a measurement of probe %s '
            '(%s); it is kept in table quarantine',
            words[0].probe.id,
            type(error).__name__,
        )
        self._persist(self._quarantine, words[0], type(error).__name__)

    def _quarantine(self, word: measurement.Measurement, reason: str) -> None:
        with self._engine.begin() as connection:
            connection.execute(
                schema.quarantine.insert().values(
                    at=sa.select(db_engine.clock()).scalar_subquery(),
                    reason=reason,
                    measurement=json.dumps(word),
                )
            )

    def _report(self, tally: store.Tally) -> None:
        self._complaints.settle('database', 'The database is back')
        for outcome, number in tally.outcomes.items():
            self._counters.count('outcomes', number, outcome=outcome)
        if tally.ahead:
            self._counters.count('future', len(tally.ahead))
            seconds, agent = max(tally.ahead)
            self._complaints.complain(
                'future',
                'Agent %s measures %.0f s in the future: its clock '
                'and that of the database differ',
                agent,
                seconds,
            )
        for word in tally.excluded:
            self._complaints.complain(
                f'excluded {word.register.agent}',
                'Agent %s, uuid %s, was excluded: what it says is refused',
                word.probe.agent,
                word.register.agent,
            )
        for word in tally.overlapping:
            self._complaints.complain(
                f'overlap {word.probe.id}',
                'Probe %s is metered by two '
                'agents; what agent %s meters is not billed',
                word.probe.id,
                word.probe.agent,
            )

    def _complain(self, state: tenacity.RetryCallState) -> None:
        self._counters.count('write_failures')
        error = state.outcome.exception() if state.outcome else None
        self._complaints.complain(
            'database',
            'The database does not take a batch (%s); it is held '
            'until it does',
            error and db_engine.explain(error),
        )
