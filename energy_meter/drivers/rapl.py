# SPDX-License-Identifier: Apache-2.0

"""Energy counters of processors: RAPL, through Linux's powercap.

Each zone is a probe, because each counter rolls over on its own. Zones
overlap: a package contains its cores and its uncore, and psys contains the
packages. Sources: the kernel's documentation of powercap; CVE-2020-8694.
"""

import collections
import collections.abc
import itertools
import logging
import pathlib
import re
import time
import typing

from oslo_config import cfg
from oslo_config import types

from energy_meter import exception
from energy_meter import measurement
from energy_meter.drivers import base
from energy_meter.drivers.common import per_probe
from energy_meter.drivers.common import sysfs

LOG = logging.getLogger(__name__)

#: Name of a zone's directory. Those of intel-rapl-mmio would duplicate the
#: packages.
ZONE = re.compile('intel-rapl:[0-9]+(:[0-9]+)?')

KINDS = ('package', 'dram', 'core', 'uncore', 'psys')

#: Pairs of kinds of zones that count the same energy.
OVERLAPS = {
    frozenset(('package', 'core')),
    frozenset(('package', 'uncore')),
    *(frozenset(('psys', kind)) for kind in KINDS if kind != 'psys'),
}

NOT_ROOT = (
    'Permission denied: only root may read it since CVE-2020-8694, which '
    'allowed programs to spy on others'
)


class Zone:
    """One RAPL zone.

    :ivar name: ``package-1``, or ``package-1/dram`` for a subzone.
    :ivar directory: name of its directory, such as ``intel-rapl:1``.
    :ivar kind: one of :data:`KINDS`.

    :param path: its directory in ``/sys/class/powercap``.
    """

    def __init__(self, path: pathlib.Path) -> None:
        parent, _, _ = path.name.rpartition(':')
        name = sysfs.read_text(path / 'name') or ''
        prefix = (
            f'{sysfs.read_text(path.with_name(parent) / "name")}/'
            if ZONE.fullmatch(parent)
            else ''
        )
        self.name = f'{prefix}{name}'
        self.directory = path.name
        self.kind = name.partition('-')[0]
        self._counter = measurement.Counter(
            1e-6, rollover=sysfs.read_integer(path / 'max_energy_range_uj')
        )
        self._energy = path / 'energy_uj'

    def read(self, probe: str) -> measurement.Reading | None:
        """Read the counter.

        :raises DeviceUnreachable: if it cannot be read, usually because of
            missing permissions.
        """
        try:
            ticks = sysfs.read_integer(self._energy)
        except exception.DeviceUnreachable as e:
            if isinstance(e.__cause__, PermissionError):
                raise exception.DeviceUnreachable(
                    device=self._energy, reason=NOT_ROOT
                )
            raise
        if ticks is None:
            return None
        return measurement.Reading(
            probe,
            ticks=ticks,
            counter=self._counter,
            monotonic=time.monotonic(),
        )


class RAPL(base.Driver):
    """Reads the energy counters of this machine's processors.

    :cvar directory: the kernel's directory of powercap zones.
    """

    opts = (
        cfg.ListOpt(
            'zones',
            default=['package', 'dram'],
            item_type=types.String(choices=KINDS),
            help='Kinds of zones to read. Each zone is a probe: first '
            'all zones of the first kind in the order of the '
            'sockets, then those of the next. A kind cannot be '
            'combined with one that contains it.',
        ),
    )
    scope = 'cpu-package'
    measures_this_machine = True

    directory: typing.ClassVar = pathlib.Path('/sys/class/powercap')

    def __init__(
        self, options: typing.Any, probes: collections.abc.Sequence[str | None]
    ) -> None:
        super().__init__(options, probes)
        self._channels: dict[str, Zone] = {}
        self._zones: dict[str, Zone] = {}
        self._probe_reader = per_probe.ProbeReader(LOG)

    def open(self) -> None:
        self._check_overlaps()
        zones = [
            Zone(path)
            for path in sysfs.entries(self.directory)
            if ZONE.fullmatch(path.name)
        ]
        if not zones:
            raise exception.DriverError(
                reason=f'no RAPL zone in {self.directory}: this is a virtual '
                f'machine, the processor has no RAPL, or the kernel module '
                f'intel_rapl_msr is not loaded'
            )
        self._channels = _by_name(
            [
                zone
                for kind in self.options.zones
                for zone in zones
                if zone.kind == kind
            ]
        )
        self._zones = sysfs.assign('RAPL', self._channels, self.probes)

    def channels(self) -> collections.abc.Sequence[base.Channel]:
        return base.number(self._channels)

    def read(self) -> collections.abc.Iterable[measurement.Reading]:
        return self._probe_reader.read(
            self._zones, lambda probe, zone: zone.read(probe)
        )

    def _check_overlaps(self) -> None:
        for pair in itertools.combinations(self.options.zones, 2):
            if frozenset(pair) in OVERLAPS:
                raise exception.DriverError(
                    reason=f'zones {" and ".join(pair)} count the same '
                    f'energy: meter only one of them, or give each its own '
                    f'wattmeter and scope'
                )


def _by_name(zones: list[Zone]) -> dict[str, Zone]:
    """Return zones by name; by name and directory if several share a name.

    The packages of a machine with several dies, or its psys zones, may have
    equal names.
    """
    shared = collections.Counter(zone.name for zone in zones)
    return {
        zone.name
        if shared[zone.name] == 1
        else f'{zone.name}@{zone.directory}': zone
        for zone in zones
    }
