# SPDX-License-Identifier: Apache-2.0

"""Database connections of the API."""

import contextlib
import threading

from oslo_config import cfg
import sqlalchemy as sa

from energy_meter.db import engine
from energy_meter.db import engine as db_engine


class Database:
    """Source of connections, whose engine is created on first use.

    A WSGI server may load the application and then fork worker processes,
    which must not share connections.
    """

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        self._conf = conf
        self._lock = threading.Lock()
        self._engine: sa.Engine | None = None

    def connect(self) -> sa.Connection:
        """Return a new connection, to be used as a context manager."""
        return self._get().connect()

    def snapshot(self) -> contextlib.AbstractContextManager[sa.Connection]:
        """Return a connection whose queries all see the same state."""
        return db_engine.snapshot(self._get())

    def _get(self) -> sa.Engine:
        with self._lock:
            if self._engine is None:
                self._engine = engine.connect(self._conf)
            return self._engine
