# SPDX-License-Identifier: Apache-2.0

"""Observation of a transaction that fails again and again."""

import collections.abc
import contextlib

from oslo_db import exception as db_exception
import sqlalchemy as sa

from energy_meter import attempt
from energy_meter import exception
from energy_meter import measurement
from energy_meter.collector import store
from energy_meter.db import engine as db_engine

_HARMLESS = measurement.Measurement(
    measurement.Series(
        measurement.Probe(*['energy_meter-harmless', 'other', *['none'] * 4]),
        measurement.RegisterKey(
            '00000000-0000-0000-0000-000000000000', '0' * 16
        ),
        after=None,
        synced=True,
    ),
    timestamp=0,
    elapsed=1,
    millijoules=0,
    metered=0,
)


class DataRejected(exception.EnergyMeterError):
    """The database rejects certain data, whatever its error says.

    :ivar reason: name of the error.
    """

    template = 'the database rejects the data: %(reason)s'

    def __init__(self, reason: str) -> None:
        super().__init__(reason=reason)
        self.reason = reason


@contextlib.contextmanager
def observe(engine: sa.Engine) -> collections.abc.Iterator[None]:
    """Decide whether the database or the data make a transaction fail.

    A packet that is too long, for example, looks like a lost connection. A
    second connection writes a harmless measurement before the transaction and
    after it, and takes it back. If it can do so, the server was neither
    unreachable nor restarted meanwhile, is not a read-only standby, and has
    the right tables and permissions. So the data is the reason.

    :raises DataRejected: if the data is the reason.
    """
    with engine.connect() as connection:
        _write_harmless(connection)
        try:
            yield
        except db_exception.DBDeadlock:
            raise
        except Exception as error:
            _, failure = attempt.call(
                lambda: _write_harmless(connection), Exception
            )
            if failure is not None:
                raise
            raise DataRejected(type(error).__name__) from error


def _write_harmless(connection: sa.Connection) -> None:
    with connection.begin() as transaction:
        arrived_at = db_engine.now(connection)
        harmless = _HARMLESS._replace(timestamp=arrived_at)
        store.write(connection, [harmless], arrived_at)
        transaction.rollback()
