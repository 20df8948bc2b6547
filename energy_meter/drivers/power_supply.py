# SPDX-License-Identifier: Apache-2.0

"""Batteries and uninterruptible power supplies that Linux knows.

Sources: the kernel's description of the power_supply class.
"""

import collections.abc
import logging
import pathlib
import time
import typing

from oslo_config import cfg

from energy_meter import exception
from energy_meter import measurement
from energy_meter.drivers import _probewise
from energy_meter.drivers import _sysfs
from energy_meter.drivers import base

LOG = logging.getLogger(__name__)

TYPES = ('Battery', 'UPS')


class Supply:
    """One battery or UPS.

    :param path: its directory in ``/sys/class/power_supply``.
    """

    def __init__(self, path: pathlib.Path) -> None:
        self._path = path

    def feeds_machine(self) -> bool:
        """Tell whether the machine runs from it, a mouse's doesn't."""
        return (
            _sysfs.read_optional(self._path / 'type') in TYPES
            and _sysfs.read_optional(self._path / 'scope') != 'Device'
        )

    def read(self, probe: str) -> measurement.Reading | None:
        """Read it, if the machine runs from it at this moment.

        While it charges or rests, its power is not the machine's. Kernel
        drivers disagree about the sign of current and power: the status
        tells the direction.
        """
        if _sysfs.read_text(self._path / 'status') != 'Discharging':
            return None
        volts = self._scaled('voltage_now')
        amperes = self._scaled('current_now')
        watts = self._scaled('power_now')
        if watts is None and volts is not None and amperes is not None:
            watts = volts * amperes
        if watts is None:
            return None
        return measurement.Reading(
            probe, watts, volts=volts, amperes=amperes, at=time.monotonic()
        )

    def _scaled(self, name: str) -> float | None:
        """Give a value in micro-units its size in whole units."""
        attribute = self._path / name
        if not attribute.exists():
            return None
        value = _sysfs.read_integer(attribute)
        return None if value is None else abs(value) / 1e6


class PowerSupply(base.PolledDriver):
    """Reads what this machine draws from its batteries or UPS.

    :cvar directory: where the kernel shows its power supplies.
    """

    opts = (
        cfg.ListOpt(
            'supplies',
            default=[],
            help='Names of batteries or UPSes, such as BAT0, one '
            'for each probe. The default is all that feed '
            'the machine.',
        ),
    )
    scope = 'battery'
    measures_this_machine = True

    directory: typing.ClassVar = pathlib.Path('/sys/class/power_supply')

    def open(self) -> None:
        found = {
            path.name: supply
            for path in _sysfs.entries(self.directory)
            if (supply := Supply(path)).feeds_machine()
        }
        for name in self.options.supplies:
            if name not in found:
                raise exception.DriverError(
                    reason=f'no battery or UPS {name}: this machine has '
                    f'{", ".join(found) or "none"}'
                )
        self._chosen = {
            name: found[name] for name in self.options.supplies or found
        }
        self._supplies = _sysfs.assign(
            'power_supply', self._chosen, self.probes
        )
        self._probewise = _probewise.Probewise(LOG)

    def outlets(self) -> collections.abc.Sequence[base.Outlet]:
        return base.number(self._chosen)

    def read(self) -> collections.abc.Iterable[measurement.Reading]:
        return self._probewise.read(
            self._supplies, lambda probe, supply: supply.read(probe)
        )
