# SPDX-License-Identifier: Apache-2.0

"""Hosts whose energy and CPU usage are metered, with known truth."""

import dataclasses

import sqlalchemy as sa

from energy_meter import cpu_usage
from energy_meter import measurement
from energy_meter.billing import attribution_methods
from energy_meter.collector import attributing as collector_attributing
from energy_meter.db import attributed_days
from energy_meter.db import attributing
from energy_meter.db import engine as db_engine
from energy_meter.db import host_probes
from energy_meter.tests import usages
from energy_meter.tests.unit.collector import databases

QUARTER_MS = 900_000
HOUR_MS = 4 * QUARTER_MS
DAY_MS = 24 * HOUR_MS
#: A midnight.
START = 1_700_006_400_000
DAY = START // DAY_MS

RULES = attributing.Rules(
    attribution_methods.ReservedAndCPU, ['node', 'cpu-package']
)


@dataclasses.dataclass
class Guest:
    """An instance on a host.

    :ivar number: that of :func:`energy_meter.tests.usages.instance`.
    :ivar cpus: CPUs that are busy with it.
    :ivar start: date, a multiple of a quarter-hour, of its start.
    :ivar end: date of its end.
    """

    number: int
    cpus: float = 1.0
    start: int = 0
    end: int = 2**62

    def cpu(self, date: int) -> int:
        """Return its CPU time by a date in ms."""
        length = min(date, self.end) - max(START, self.start)
        return round(self.cpus * max(length, 0))


@dataclasses.dataclass
class Host:
    """A host with a power meter and an agent that meters its CPU usage.

    Its power is linear: that of the idle host, and that of each busy CPU.

    :ivar overhead: CPUs that are busy with nothing of the instances.
    :ivar devices: those that can be passed through to instances.
    :ivar unread: time in ms between the opening of its registers and the first
        reading.
    """

    engine: sa.Engine
    name: str = 'compute-1'
    guests: list[Guest] = dataclasses.field(default_factory=list)
    idle_watts: int = 100
    cpu_watts: int = 10
    overhead: float = 0.5
    configured: float | None = 100.0
    scope: str = 'node'
    suffix: str = 'power'
    agent: str = 'agent'
    opened: int = START
    register: str = '0123456789abcdef'
    after: measurement.Predecessor | None = None
    unread: int = 0
    devices: tuple[cpu_usage.Device, ...] = ()

    def restart(self, end: int, opened: int) -> None:
        """Continue with new registers.

        :param end: date of the last measurement of the old ones.
        """
        self.after = measurement.Predecessor(self.register, end - self.opened)
        self.register = f'{opened:016x}'
        self.opened = opened

    @property
    def read_from(self) -> int:
        """Date of the first reading of its registers."""
        return self.opened + self.unread

    @property
    def energy_probe(self) -> str:
        """ID of the probe of its energy."""
        return f'{self.name}-{self.suffix}'

    @property
    def usage_probe(self) -> str:
        """ID of the probe of its CPU usage."""
        return f'{self.name}-cpu'

    def millijoules(self, date: int) -> int:
        """Return its energy by a date in mJ."""
        idle = self.idle_watts * (date - START)
        return idle + self.cpu_watts * self.busy(date)

    def busy(self, date: int) -> int:
        """Return its CPU time by a date in ms."""
        overhead = round(self.overhead * (date - START))
        return overhead + sum(each.cpu(date) for each in self.guests)

    def usage(self, date: int) -> cpu_usage.Usage:
        """Return the vector of its instances at a date."""
        present = sorted(
            (
                each
                for each in self.guests
                if each.start < date and date <= each.end
            ),
            key=lambda each: each.number,
        )
        layout = usages.layout(*(each.number for each in present))
        return cpu_usage.Usage(
            layout._replace(idle_watts=self.configured, devices=self.devices),
            tuple(
                each.cpu(date) - each.cpu(self.read_from) for each in present
            ),
        )

    def meter(
        self, since: int, until: int, *probes: str, step: int = HOUR_MS
    ) -> None:
        """Deliver the measurements of some time.

        :param probes: IDs; by default both.
        :param step: time between two batches in ms.
        """
        probes = probes or (self.energy_probe, self.usage_probe)
        for date in range(since, until + 1, step):
            first = max(date - step + QUARTER_MS, since)
            marks = range(first, date + 1, QUARTER_MS)
            batch = [
                self._point(probe, each, is_mark)
                for probe in probes
                for is_mark, dates in ((True, marks), (False, [date]))
                for each in dates
            ]
            databases.deliver(self.engine, batch, date)

    def _point(
        self, probe: str, date: int, is_mark: bool
    ) -> measurement.Measurement:
        is_usage = probe == self.usage_probe
        total = self.busy if is_usage else self.millijoules
        return measurement.Measurement(
            measurement.Series(
                measurement.Probe(
                    probe, self.scope, self.name, 'w', 'dummy', self.agent
                ),
                measurement.RegisterKey(f'{self.agent}-uuid', self.register),
                self.after,
                True,
            ),
            date,
            date - self.opened,
            total(date) - total(self.read_from),
            date - self.read_from,
            None if is_mark else 1.0,
            is_mark=is_mark,
            usage=self.usage(date) if is_usage else None,
        )


def attribute(
    engine: sa.Engine, day: int = DAY
) -> list[attributed_days.HostDay]:
    """Write versions of a day of all hosts that are due."""
    with db_engine.writing(engine) as connection:
        hosts = host_probes.load(connection).values()
        written = collector_attributing.attribute(
            connection, [*hosts], day, RULES
        )
    return [each.day for each in written]
