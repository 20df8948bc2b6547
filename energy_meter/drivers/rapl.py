# SPDX-License-Identifier: Apache-2.0

"""Energy counters of processors: RAPL, through Linux's powercap.

Each zone has a probe of its own, because each counter wraps on its own.
Zones overlap: a package contains its cores and its uncore, and psys contains
the packages. Sources: the kernel's description of powercap; CVE-2020-8694.
"""

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
from energy_meter.drivers import _probewise
from energy_meter.drivers import _sysfs
from energy_meter.drivers import base

LOG = logging.getLogger(__name__)

#: A zone's directory. Those of intel-rapl-mmio show the packages again.
ZONE = re.compile('intel-rapl:[0-9]+(:[0-9]+)?')

KINDS = ('package', 'dram', 'core', 'uncore', 'psys')

#: Kinds of zones that count the same energy.
OVERLAPS = {
    frozenset(('package', 'core')),
    frozenset(('package', 'uncore')),
    *(frozenset(('psys', kind)) for kind in KINDS if kind != 'psys'),
}

#: Why the energy of a processor is a secret.
NOT_ROOT = (
    'Permission denied: since CVE-2020-8694, in which programs were '
    'spied upon through it, only root may read it'
)


class Zone:
    """One RAPL zone.

    :ivar name: ``package-1``, or ``package-1/dram`` for one inside.
    :ivar kind: one of :data:`KINDS`.

    :param path: its directory in ``/sys/class/powercap``.
    """

    def __init__(self, path: pathlib.Path) -> None:
        parent, _, _ = path.name.rpartition(':')
        own = _sysfs.read_text(path / 'name') or ''
        inside = (
            f'{_sysfs.read_text(path.with_name(parent) / "name")}/'
            if ZONE.fullmatch(parent)
            else ''
        )
        self.name = f'{inside}{own}'
        self.kind = own.partition('-')[0]
        self._counter = measurement.Counter(
            1e-6, size=_sysfs.read_integer(path / 'max_energy_range_uj')
        )
        self._energy = path / 'energy_uj'

    def read(self, probe: str) -> measurement.Reading | None:
        """Read the counter.

        :raises DeviceUnreachable: it can't be read, mostly for want of
            permission.
        """
        try:
            ticks = _sysfs.read_integer(self._energy)
        except exception.DeviceUnreachable as e:
            if isinstance(e.__cause__, PermissionError):
                raise exception.DeviceUnreachable(
                    device=self._energy, reason=NOT_ROOT
                )
            raise
        if ticks is None:
            return None
        return measurement.Reading(
            probe, ticks=ticks, counter=self._counter, at=time.monotonic()
        )


class RAPL(base.PolledDriver):
    """Reads the energy counters of this machine's processors.

    :cvar directory: where the kernel shows its powercap zones.
    """

    opts = (
        cfg.ListOpt(
            'zones',
            default=['package', 'dram'],
            item_type=types.String(choices=KINDS),
            help='Kinds of zones to read, one probe for each zone: '
            'all zones of the first kind in the order of the '
            'sockets, then those of the next. Kinds of which '
            'one contains the other do not go together.',
        ),
    )
    scope = 'cpu-package'
    measures_this_machine = True

    directory: typing.ClassVar = pathlib.Path('/sys/class/powercap')

    def open(self) -> None:
        self._refuse_overlaps()
        zones = [
            Zone(path)
            for path in _sysfs.entries(self.directory)
            if ZONE.fullmatch(path.name)
        ]
        if not zones:
            raise exception.DriverError(
                reason=f'no RAPL zone in {self.directory}: a virtual '
                f'machine, a processor without RAPL, or the kernel '
                f'module intel_rapl_msr is not loaded'
            )
        self._chosen = {
            zone.name: zone
            for kind in self.options.zones
            for zone in zones
            if zone.kind == kind
        }
        self._zones = _sysfs.assign('RAPL', self._chosen, self.probes)
        self._probewise = _probewise.Probewise(LOG)

    def outlets(self) -> collections.abc.Sequence[base.Outlet]:
        return base.number(self._chosen)

    def read(self) -> collections.abc.Iterable[measurement.Reading]:
        return self._probewise.read(
            self._zones, lambda probe, zone: zone.read(probe)
        )

    def _refuse_overlaps(self) -> None:
        for pair in itertools.combinations(self.options.zones, 2):
            if frozenset(pair) in OVERLAPS:
                raise exception.DriverError(
                    reason=f'zones {" and ".join(pair)} count the same '
                    f'energy: meter one of them, or each in a '
                    f'wattmeter and with a scope of its own'
                )
