# SPDX-License-Identifier: Apache-2.0

"""Current power of all probes, and their figures of a period."""

import time
import typing

from energy_meter.rrd.reading import archive as rrd_archive
from energy_meter.rrd.reading import series


class Row(typing.NamedTuple):
    """A probe and its power.

    :ivar watts: current power; None if it is unknown.
    :ivar figures: of the period.
    """

    probe: rrd_archive.Probe
    watts: float | None
    figures: series.Figures


class Summary:
    """Summarizes all probes.

    :param stale_after: age of the last measurement, in seconds, after which
        the current power of a probe is unknown.
    """

    def __init__(
        self, archive: rrd_archive.Archive, stale_after: float
    ) -> None:
        self._archive = archive
        self._stale_after = stale_after

    def rows(self, period: str) -> list[Row]:
        """Return one row for each probe."""
        figures = self._archive.figures(period)
        return [
            Row(probe, self._watts(probe), figures[probe.id])
            for probe in self._archive.probes()
            if probe.id in figures
        ]

    def watts(self) -> float | None:
        """Return the current sum of all probes; it counts each host once."""
        return self._archive.series('minute', None).figures.last

    def _watts(self, probe: rrd_archive.Probe) -> float | None:
        if (
            probe.timestamp is None
            or time.time() - probe.timestamp > self._stale_after
        ):
            return None
        return probe.watts
