# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License. You may obtain
# a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
# WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
# License for the specific language governing permissions and limitations
# under the License.

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
