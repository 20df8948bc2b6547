# SPDX-License-Identifier: Apache-2.0


"""All probes at a glance: what they draw now, and what they have drawn."""

import time
import typing

from energy_meter.rrd import archive as rrd_archive
from energy_meter.rrd import series


class Row(typing.NamedTuple):
    """A probe and its power.

    :ivar watts: what it draws now; None where that isn't known.
    :ivar figures: of the period.
    """

    probe: rrd_archive.Probe
    watts: float | None
    figures: series.Figures


class Summary:
    """Tells of all probes.

    :param patience: seconds without news after which nobody knows what a
        probe draws.
    """

    def __init__(self, archive: rrd_archive.Archive, patience: float) -> None:
        self._archive = archive
        self._patience = patience

    def rows(self, period: str) -> list[Row]:
        figures = self._archive.figures(period)
        return [
            Row(probe, self._watts(probe), figures[probe.id])
            for probe in self._archive.probes()
            if probe.id in figures
        ]

    def watts(self) -> float | None:
        """Tell what all draw now, each host counted once."""
        return self._archive.series('minute', None).figures.last

    def _watts(self, probe: rrd_archive.Probe) -> float | None:
        if probe.time is None or time.time() - probe.time > self._patience:
            return None
        return probe.watts
