# SPDX-License-Identifier: Apache-2.0

"""The connection of the API to the database."""

import threading

from oslo_config import cfg
import sqlalchemy as sa

from energy_meter.db import engine


class Database:
    """Makes the engine when it is first needed.

    A server may load the application in one process and fork others, which
    must not share connections.
    """

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        self._conf = conf
        self._lock = threading.Lock()
        self._engine: sa.Engine | None = None

    def connect(self) -> sa.Connection:
        """Give a connection, which is a context manager."""
        with self._lock:
            if self._engine is None:
                self._engine = engine.connect(self._conf)
        return self._engine.connect()
