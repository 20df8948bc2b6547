# SPDX-License-Identifier: Apache-2.0

"""Energy of a probe by date, from everything that the database has.

It neither uses closed days nor saves queries: what the product does more
quickly is compared with it.
"""

import collections.abc
import dataclasses

import sqlalchemy as sa

from energy_meter import exception
from energy_meter import measurement
from energy_meter.billing import bill
from energy_meter.billing import curve
from energy_meter.billing import dates as billing_dates
from energy_meter.billing import history
from energy_meter.billing import lines
from energy_meter.billing import timeline
from energy_meter.db import engine as db_engine
from energy_meter.db import histories
from energy_meter.db import marks
from energy_meter.db import numbers
from energy_meter.db import packing
from energy_meter.db import schema

_PROBE, _OVERLAP = schema.probe, schema.overlap

_Histories = list[history.RegisterHistory]
_Openings = dict[measurement.RegisterKey, billing_dates.Opening]
_Overlaps = dict[tuple[int, measurement.RegisterKey], curve.Share]


def energy_at(
    connection: sa.Connection,
    probe: str,
    dates: collections.abc.Iterable[int],
) -> list[int]:
    """Return the energy in mJ that was billed by each date.

    :param connection: one of :func:`~energy_meter.db.engine.snapshot`.
    :param dates: in ms since the epoch.
    :raises ProbeNotFound: if the probe does not exist.
    """
    billed = load(connection, probe)
    return [billed.until(date).millijoules for date in dates]


def load(connection: sa.Connection, probe: str) -> timeline.Timeline:
    """Return the energy of a probe by date.

    What waits to be settled is settled here, without writing it.

    :param connection: one of :func:`~energy_meter.db.engine.snapshot`.
    :raises ProbeNotFound: if the probe does not exist.
    """
    contested = connection.scalar(
        sa.select(_PROBE.c.contested).where(_PROBE.c.id == probe)
    )
    if contested is None:
        raise exception.ProbeNotFound(probe=probe)
    db_now = db_engine.now(connection)
    loaded = histories.load(connection, [probe]).get(probe, [])
    openings = billing_dates.openings(loaded, lines.Lines(loaded))
    # A register that was too old when it arrived is not billed.
    unbilled = _unbilled(connection, probe)
    loaded = [
        dataclasses.replace(known, voided=True)
        if numbers.number(probe, known.key) in unbilled
        and (
            not contested or _end(known, openings) < db_now - marks.HORIZON_MS
        )
        else known
        for known in histories.unpack(connection, probe, loaded)
    ]
    overlaps = _overlaps(connection, probe, loaded)
    if contested:
        # Older cells are final.
        since = packing.horizon(db_now)
        overlaps = {
            key: share for key, share in overlaps.items() if key[0] < since
        } | bill.bill(loaded, since).overlaps
    return timeline.Timeline(loaded, openings, overlaps)


def _end(known: history.RegisterHistory, openings: _Openings) -> int:
    return openings[known.key].opened + known.last.elapsed


def _unbilled(connection: sa.Connection, probe: str) -> set[int]:
    """Return the numbers of registers that are in no sum."""
    register = schema.register.c
    query = sa.select(register.number).where(
        register.probe == probe, register.role == schema.Role.UNBILLED
    )
    return set(connection.scalars(query))


def _overlaps(
    connection: sa.Connection, probe: str, loaded: _Histories
) -> _Overlaps:
    keys = {numbers.number(probe, each.key): each.key for each in loaded}
    rows = connection.execute(
        sa.select(
            _OVERLAP.c.cell,
            _OVERLAP.c.register,
            _OVERLAP.c.millijoules,
            _OVERLAP.c.metered,
            _OVERLAP.c.elapsed,
        ).where(_OVERLAP.c.probe == probe)
    )
    return {
        (cell, keys[register]): curve.Share(*values)
        for cell, register, *values in rows
    }
