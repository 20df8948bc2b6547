# SPDX-License-Identifier: Apache-2.0

"""Outage of the database, which all threads of a collector share."""

import logging

from oslo_db import exception as db_exception

from energy_meter.db import engine as db_engine
from energy_meter.telemetry import counters
from energy_meter.telemetry import outages

LOG = logging.getLogger(__name__)

_TASK = outages.Task(
    'database',
    'write to the database',
    'measurements stay in the queue of the bus',
    'measurements held',
)


class DatabaseOutage(outages.Outage):
    """Outage of the database.

    :param counts: counters of the collector.
    """

    def __init__(self, counts: counters.Counters) -> None:
        super().__init__(_TASK, LOG, counts)

    def report(
        self, error: BaseException, user: str, waiting: int = 0
    ) -> None:
        """Report an error of the database, unless it is a deadlock.

        Deadlocks are part of normal operation.

        :param user: name of the thread.
        :param waiting: number of measurements that wait.
        """
        if not isinstance(error, db_exception.DBDeadlock):
            self.fail(db_engine.explain(error), waiting, user)
