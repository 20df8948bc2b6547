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
