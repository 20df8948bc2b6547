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


"""What the RRD files tell; any number of processes may read them at once."""

import typing

from oslo_config import cfg

from energy_meter.rrd import series


class Probe(typing.NamedTuple):
    """A probe that has a file.

    What only its measurements tell is empty until the first arrives, should
    the archive's index have been lost.

    :ivar scope: one of :data:`energy_meter.measurement.SCOPES`.
    :ivar host: the machine whose power it is.
    :ivar time: of its last measurement, seconds since the epoch.
    :ivar watts: its last power; None where it isn't known.
    """

    id: str
    scope: str
    host: str
    wattmeter: str
    time: float | None
    watts: float | None


class Archive:
    """Reads the RRD files. Safe to use from several threads.

    Where a probe is None, the sum of all is meant: of each host the probes
    of one scope.
    """

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        self._options = conf.rrd

    def probes(self) -> list[Probe]:
        """List all probes that have a file, by id."""
        raise NotImplementedError

    def figures(self, period: str) -> dict[str, series.Figures]:
        """Give the figures of every probe, by id; cheap if asked again.

        :raises UnknownPeriod: when there is no such period.
        """
        raise NotImplementedError

    def series(self, period: str, probe: str | None) -> series.Series:
        """Give power over the last period.

        :raises UnknownProbe: when it has no file.
        :raises UnknownPeriod: when there is no such period.
        """
        raise NotImplementedError

    def file(self, probe: str) -> bytes:
        """Give the whole RRD file of a probe.

        :raises UnknownProbe: when it has none.
        """
        raise NotImplementedError
