# SPDX-License-Identifier: Apache-2.0

"""Current power of all probes, and their figures of a period."""

import time
import typing

from energy_meter.rrd.reading import archive as rrd_archive
from energy_meter.rrd.reading import periods
from energy_meter.rrd.reading import series

#: Periods on which the pages open, in the order of preference.
_OPENING_PERIODS = ('hour', 'day', 'week', 'month', 'year')

#: With less than this share of the hour, the last minute shows more.
_MIN_SHARE = 0.1


class Row(typing.NamedTuple):
    """A probe and its power.

    :ivar watts: current power; None if it is unknown.
    :ivar figures: of the period.
    """

    probe: rrd_archive.Probe
    watts: float | None
    figures: series.Figures


class Total(typing.NamedTuple):
    """Power of all probes. It counts each host once.

    :ivar watts: current power; None if it is unknown.
    :ivar figures: of the period.
    """

    watts: float | None
    figures: series.Figures


class Summary:
    """Summarizes all probes.

    Minimum and maximum of a period that ends now include the current power.

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
            Row(probe, watts, _including(watts, figures[probe.id], period))
            for probe in self._archive.probes()
            if probe.id in figures
            for watts in [self._watts(probe)]
        ]

    def total(self, period: str, figures: series.Figures) -> Total:
        """Return the sum of all probes.

        :param figures: of their series in the period.
        """
        watts = self._archive.series('minute', None).figures.last
        return Total(watts, _including(watts, figures, period))

    def opening_period(self) -> str:
        """Return the name of the period that new visitors see.

        It is the shortest one that has data, but not the minute, unless the
        probes are new. The hour if there is no data at all.
        """
        for period in _OPENING_PERIODS:
            share = self._known_share(period)
            if period == 'hour' and 0 < share < _MIN_SHARE:
                return 'minute' if self._known_share('minute') else period
            if share > 0:
                return period
        return _OPENING_PERIODS[0]

    def _known_share(self, period: str) -> float:
        """Return the share of a period for which any power is known."""
        watts = self._archive.series(period, None).watts
        known = sum(value is not None for value in watts)
        return known / max(len(watts), 1)

    def _watts(self, probe: rrd_archive.Probe) -> float | None:
        if (
            probe.timestamp is None
            or time.time() - probe.timestamp > self._stale_after
        ):
            return None
        return probe.watts


def _including(
    watts: float | None, figures: series.Figures, period: str
) -> series.Figures:
    return figures.including(watts) if period in periods.NAMED else figures
