# SPDX-License-Identifier: Apache-2.0

"""Batteries and uninterruptible power supplies in Linux's power_supply class.

Source: the kernel's documentation of the power_supply class.
"""

import collections.abc
import logging
import pathlib
import time
import typing

from oslo_config import cfg

from energy_meter import exception
from energy_meter import measurement
from energy_meter.drivers import base
from energy_meter.drivers.common import per_probe
from energy_meter.drivers.common import sysfs

LOG = logging.getLogger(__name__)

TYPES = ('Battery', 'UPS')


class Supply:
    """One battery or UPS.

    :param path: its directory in ``/sys/class/power_supply``.
    """

    def __init__(self, path: pathlib.Path) -> None:
        self._path = path

    def feeds_machine(self) -> bool:
        """Return whether it powers the machine, unlike a mouse's battery."""
        return (
            sysfs.read_optional(self._path / 'type') in TYPES
            and sysfs.read_optional(self._path / 'scope') != 'Device'
        )

    def read(self, probe: str) -> measurement.Reading | None:
        """Read the power while the machine runs from it.

        Its power is the machine's only while it discharges. Determine that
        by the status, because kernel drivers use different signs for current
        and power.

        :returns: None if it does not discharge, or has no power.
        """
        if sysfs.read_text(self._path / 'status') != 'Discharging':
            return None
        volts = self._scaled('voltage_now')
        amperes = self._scaled('current_now')
        watts = self._scaled('power_now')
        if watts is None and volts is not None and amperes is not None:
            watts = volts * amperes
        if watts is None:
            return None
        return measurement.Reading(
            probe,
            watts,
            volts=volts,
            amperes=amperes,
            monotonic=time.monotonic(),
        )

    def _scaled(self, name: str) -> float | None:
        """Return the absolute value of an attribute, from micro-units."""
        attribute = self._path / name
        if not attribute.exists():
            return None
        value = sysfs.read_integer(attribute)
        return None if value is None else abs(value) / 1e6


class PowerSupply(base.Driver):
    """Reads the power that this machine draws from its batteries or UPS.

    :cvar directory: the kernel's directory of power supplies.
    """

    opts = (
        cfg.ListOpt(
            'supplies',
            default=[],
            help='Names of batteries or UPSes, such as BAT0, one '
            'for each probe. The default is all that power the '
            'machine.',
        ),
    )
    scope = 'battery'
    measures_this_machine = True

    directory: typing.ClassVar = pathlib.Path('/sys/class/power_supply')

    def __init__(
        self, options: typing.Any, probes: collections.abc.Sequence[str | None]
    ) -> None:
        super().__init__(options, probes)
        self._channels: dict[str, Supply] = {}
        self._supplies: dict[str, Supply] = {}
        self._probe_reader = per_probe.ProbeReader(LOG)

    def open(self) -> None:
        supplies = {
            path.name: supply
            for path in sysfs.entries(self.directory)
            if (supply := Supply(path)).feeds_machine()
        }
        for name in self.options.supplies:
            if name not in supplies:
                raise exception.DriverError(
                    reason=f'no battery or UPS {name}: this machine has '
                    f'{", ".join(supplies) or "none"}'
                )
        self._channels = {
            name: supplies[name] for name in self.options.supplies or supplies
        }
        self._supplies = sysfs.assign(
            'power_supply', self._channels, self.probes
        )

    def channels(self) -> collections.abc.Sequence[base.Channel]:
        return base.number(self._channels)

    def read(self) -> collections.abc.Iterable[measurement.Reading]:
        return self._probe_reader.read(
            self._supplies, lambda probe, supply: supply.read(probe)
        )
