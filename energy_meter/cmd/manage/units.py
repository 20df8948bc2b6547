# SPDX-License-Identifier: Apache-2.0

"""Units in which commands print what probes measure: energy, or CPU time."""

import collections
import collections.abc
import typing

from oslo_config import cfg
import sqlalchemy as sa

from energy_meter.cmd.manage import listing
from energy_meter.db import engine as db_engine
from energy_meter.db import probes
from energy_meter.db import tips

#: Format of a value in tables.
_SPEC = '.6f'


class Unit(typing.NamedTuple):
    """A unit.

    :ivar size: in mJ, or in ms of CPU time.
    """

    name: str
    size: float

    def column(self, prefix: str = '') -> listing.Column:
        """Return a column for values."""
        return listing.Column(f'{prefix}{self.name}', _SPEC)

    def convert(self, value: int) -> float:
        """Return a value in mJ, or in ms, in this unit."""
        return value / self.size

    def format(self, value: int) -> str:
        """Return a value with its unit, as text."""
        return f'{self.convert(value):{_SPEC}} {self.name}'


KWH = Unit('kWh', probes.MILLIJOULES_PER_KWH)
CPU_HOURS = Unit('CPU hours', 3_600_000)


class Units:
    """Units of all probes."""

    def __init__(self, connection: sa.Connection) -> None:
        self._cpu = tips.of_cpu_time(connection)

    def of(self, probe: str) -> Unit:
        """Return the unit of a probe; kWh if it is unknown or was deleted."""
        return CPU_HOURS if probe in self._cpu else KWH

    def sum(self, values: collections.abc.Mapping[str, int]) -> str:
        """Return the sums of what probes measured, as text."""
        sums: collections.Counter[Unit] = collections.Counter()
        for probe, value in values.items():
            sums[self.of(probe)] += value
        texts = [unit.format(value) for unit, value in sorted(sums.items())]
        return ' and '.join(texts) or KWH.format(0)


def load(conf: cfg.ConfigOpts) -> Units:
    """Return the units of the probes in the database."""
    with db_engine.connect(conf).connect() as connection:
        return Units(connection)
