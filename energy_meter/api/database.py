# SPDX-License-Identifier: Apache-2.0

"""Database connections of the API."""

import collections.abc
import contextlib
import logging
import threading

from oslo_config import cfg
import sqlalchemy as sa

from energy_meter.db import engine as db_engine
from energy_meter.telemetry import counters
from energy_meter.telemetry import outages

LOG = logging.getLogger(__name__)

#: Counters of the API.
COUNTERS = outages.definitions('database')

_TASK = outages.Task(
    'database',
    'read the database',
    'requests get the status 503',
    'failed requests',
)


class Database:
    """Source of connections, whose engine is created on first use.

    A WSGI server may load the application and then fork worker processes,
    which must not share connections.

    :param counts: counters of the API.
    """

    def __init__(
        self, conf: cfg.ConfigOpts, counts: counters.Counters
    ) -> None:
        self._conf = conf
        self._lock = threading.Lock()
        self._engine: sa.Engine | None = None
        self._outage = outages.Outage(_TASK, LOG, counts)
        self._failures = 0

    def connect(self) -> contextlib.AbstractContextManager[sa.Connection]:
        """Return a new connection, as a context manager."""
        return self._observe(lambda: self._get().connect())

    def snapshot(self) -> contextlib.AbstractContextManager[sa.Connection]:
        """Return a connection whose queries all see the same state."""
        return self._observe(lambda: db_engine.snapshot(self._get()))

    @contextlib.contextmanager
    def _observe(
        self,
        connect: collections.abc.Callable[
            [], contextlib.AbstractContextManager[sa.Connection]
        ],
    ) -> collections.abc.Iterator[sa.Connection]:
        error = None
        try:
            with connect() as connection:
                yield connection
        except db_engine.ERRORS as caught:
            error = caught
        if error is None:
            self._failures = 0
            self._outage.succeed()
            return
        self._failures += 1
        self._outage.fail(db_engine.explain(error), self._failures)
        raise error

    def _get(self) -> sa.Engine:
        with self._lock:
            if self._engine is None:
                self._engine = db_engine.connect(self._conf)
            return self._engine
