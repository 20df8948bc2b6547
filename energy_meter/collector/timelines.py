# SPDX-License-Identifier: Apache-2.0

"""Energy of settled probes by date, from a date on."""

import collections.abc

import sqlalchemy as sa

from energy_meter.billing import cells
from energy_meter.billing import curve
from energy_meter.billing import timeline
from energy_meter.collector import settlement
from energy_meter.collector import settling
from energy_meter.db import histories as db_histories
from energy_meter.db import settlements


def load(
    connection: sa.Connection,
    registers: dict[str, settlement.Registers],
    since: collections.abc.Mapping[str, int],
) -> dict[str, timeline.Timeline]:
    """Return the energy of probes by date.

    Differences between dates are exact from a date on. The registers get
    their marks from there on.

    :param registers: those of probes that are locked and settled, by probe.
    :param since: the date, a midnight of UTC.
    """
    # What is billed just before midnight decides how certain it is.
    starts = {name: since[name] - cells.CELL_MS for name in registers}
    settling.add_marks(connection, registers, starts)
    overlaps: dict[str, list[settlements.OverlapRow]] = {
        name: [] for name in registers
    }
    for row in settlements.overlaps(connection, starts):
        overlaps[row.probe].append(row)
    return {
        name: _timeline(connection, name, known, starts[name], overlaps[name])
        for name, known in registers.items()
    }


def _timeline(
    connection: sa.Connection,
    probe: str,
    registers: settlement.Registers,
    since: int,
    overlaps: list[settlements.OverlapRow],
) -> timeline.Timeline:
    histories, openings = registers.histories, registers.openings
    if any(
        known.base.elapsed
        and openings[known.key].opened + known.base.elapsed > since
        for known in histories
    ):
        histories = db_histories.unpack(connection, probe, histories)
    keys = {
        row.number: known.key
        for row, known in zip(registers.rows, registers.histories, strict=True)
    }
    return timeline.Timeline(
        histories,
        openings,
        {
            (row.cell, keys[row.register]): curve.Share(
                row.millijoules, row.metered, row.elapsed
            )
            for row in overlaps
        },
    )
