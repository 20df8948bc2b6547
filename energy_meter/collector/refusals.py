# SPDX-License-Identifier: Apache-2.0

"""What collectors refused, kept where energy-meter-status finds it."""

import sqlalchemy as sa

from energy_meter import counters
from energy_meter.db import engine as db_engine
from energy_meter.db import schema

#: Seconds between two savings.
INTERVAL = 60

#: Counters of what an operator should know of, whoever caused it.
_COUNTERS = ('future', 'implausible', 'quarantined', 'rejected')


class Refusals:
    """Adds what a collector refused to what all of them did.

    :param counts: of the collector.
    """

    def __init__(self, counts: counters.Counters) -> None:
        self._counters = counts
        self._saved: dict[str, float] = {}

    def save(self, engine: sa.Engine) -> None:
        """Add what was refused since the last time."""
        totals = {
            what: number
            for what, number in self._counters.totals().items()
            if what.startswith(_COUNTERS)
        }
        with engine.begin() as connection:
            for what, number in sorted(totals.items()):
                more = int(number - self._saved.get(what, 0))
                if more:
                    _add(connection, what, more)
        self._saved = totals


def _add(connection: sa.Connection, what: str, number: int) -> None:
    table = schema.refusal
    now = db_engine.now(connection)
    known = connection.execute(
        table.update()
        .where(table.c.what == what)
        .values(number=table.c.number + number, at=now)
    )
    if not known.rowcount:
        connection.execute(
            table.insert().values(what=what, number=number, at=now)
        )
