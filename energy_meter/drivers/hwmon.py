# SPDX-License-Identifier: Apache-2.0

"""Power and energy sensors of Linux's hwmon, as ``sensors`` shows them.

Sources: the kernel's documentation of the hwmon sysfs interface, of amd_energy
and of xe's hwmon attributes, its ibmaem.c, its acpi_power_meter.c and its
amdgpu_pm.c.
"""

import collections.abc
import logging
import pathlib
import re
import time
import typing

from oslo_config import cfg

from energy_meter import exception
from energy_meter import measurement
from energy_meter.drivers import base
from energy_meter.drivers.common import per_probe
from energy_meter.drivers.common import sysfs

LOG = logging.getLogger(__name__)

#: All energy counters of hwmon count microjoules.
COUNTER = measurement.Counter(joules_per_tick=1e-6)

#: Unknown power of an ACPI meter, 2^32 - 1 mW, in microwatts.
UNKNOWN = 0xFFFF_FFFF * 1000

#: Sensors of a chip that are not the power of the machine: an auxiliary
#: reading (power3), and the limits of power capping.
EXCLUDED_SENSORS = {
    'aem2': ('power3', 'power4', 'power5', 'power6', 'power7'),
}

#: Names or labels of sensors whose energy another sensor of the chip includes:
#: a socket includes its cores, and a card its package. fastPPT and slowPPT are
#: averages of the same power.
PARTS = {
    'amd_energy': re.compile('Ecore[0-9]+'),
    'amdgpu': re.compile('fastPPT|PPT1'),
    'xe': re.compile('energy2'),
}

#: Scope of chips that measure only one part of the machine.
SCOPES = {
    'amd_energy': 'cpu-package',
    'amdgpu': 'gpu',
    'i915': 'gpu',
    'xe': 'gpu',
}

ATTRIBUTE = re.compile('((?:energy|power)[0-9]+)_(?:average|input)')


class Chip:
    """One hwmon chip.

    :ivar name: name from its kernel driver; several chips may share it.
    :ivar device: its device, whose name survives a reboot: ``aem.0``,
        ``1-0040``, ``ACPI000D:00``.
    :ivar sensors: attribute to read of each sensor: ``energy1``, ``power1``
        and so on.

    :param path: its directory in ``/sys/class/hwmon``.
    """

    def __init__(self, path: pathlib.Path) -> None:
        self.device = (path / 'device').resolve().name
        # Older kernel drivers have the attributes in the device's directory.
        self._path = path if (path / 'name').exists() else path / 'device'
        self.name = sysfs.read_text(self._path / 'name') or ''
        self.sensors: dict[str, pathlib.Path] = {}
        for attribute in sysfs.entries(self._path):
            match = ATTRIBUTE.fullmatch(attribute.name)
            if match and match[1] not in EXCLUDED_SENSORS.get(self.name, ()):
                # Prefer the average, which sorts before the input: it
                # suits integration better than the instantaneous value.
                self.sensors.setdefault(match[1], attribute)

    def find(self, name: str) -> pathlib.Path:
        """Find a sensor by its name, its attribute's name or its label.

        :raises DriverError: if the chip has no such sensor.
        """
        for sensor, attribute in self.sensors.items():
            if name in (sensor, self._property(sensor, 'label')):
                return attribute
            if name in (f'{sensor}_average', f'{sensor}_input'):
                return attribute.with_name(name)
        raise exception.DriverError(
            reason=f'hwmon chip {self.name} has no power or energy sensor '
            f'{name}: it has {", ".join(self.sensors) or "none"}'
        )

    def of_kind(self, kind: str) -> dict[str, pathlib.Path]:
        """Return its sensors of one kind, ``energy`` or ``power``.

        Skip sensors of batteries, whose power is not that of the machine,
        and those whose energy another sensor includes. The operator can still
        select them by name.
        """
        sensors = {
            sensor: attribute
            for sensor, attribute in self.sensors.items()
            if sensor.startswith(kind)
            and self._property(sensor, 'is_battery') != '1'
        }
        return {
            sensor: attribute
            for sensor, attribute in sensors.items()
            if not self._is_part(sensor)
        } or sensors

    def _is_part(self, sensor: str) -> bool:
        part = PARTS.get(self.name)
        return part is not None and any(
            part.fullmatch(name)
            for name in (sensor, self._property(sensor, 'label') or '')
        )

    def _property(self, sensor: str, name: str) -> str | None:
        return sysfs.read_optional(self._path / f'{sensor}_{name}')


class Hwmon(base.Driver):
    """Reads power or energy sensors of one hwmon chip.

    :cvar directory: the kernel's directory of hwmon chips.
    """

    opts = (
        cfg.StrOpt(
            'chip',
            required=True,
            help='Name of the hwmon chip, such as aem1, power_meter '
            'or ina238. Its file "name" contains it, and "sensors" '
            'shows it before the first dash.',
        ),
        cfg.StrOpt(
            'device',
            help='Device of the chip, such as 1-0040, if several chips '
            'have the same name: the last component of the target of '
            'its link "device".',
        ),
        cfg.ListOpt(
            'sensors',
            default=[],
            help='Sensors to read, one for each probe: energy1, power1 '
            'or a label. The default is all energy counters of the '
            'chip. If it has none, or energy is set to integrate, '
            'the default is all power sensors.',
        ),
    )
    measures_this_machine = True

    directory: typing.ClassVar = pathlib.Path('/sys/class/hwmon')

    def __init__(
        self, options: typing.Any, probes: collections.abc.Sequence[str | None]
    ) -> None:
        super().__init__(options, probes)
        self._channels: dict[str, pathlib.Path] = {}
        self._sensors: dict[str, pathlib.Path] = {}
        self._probe_reader = per_probe.ProbeReader(LOG)

    @classmethod
    def scope_of(cls, options: typing.Any) -> str:
        return SCOPES.get(options.chip, cls.scope)

    def open(self) -> None:
        chip = self._find_chip()
        self._channels = self._select_sensors(chip)
        self._sensors = sysfs.assign(
            f'hwmon chip {chip.name}', self._channels, self.probes
        )

    def channels(self) -> collections.abc.Sequence[base.Channel]:
        return base.number(self._channels)

    def read(self) -> collections.abc.Iterable[measurement.Reading]:
        return self._probe_reader.read(self._sensors, _read)

    def _find_chip(self) -> Chip:
        options = self.options
        # Resolve the links: the kernel may assign the number to another chip.
        chips = [
            Chip(path.resolve()) for path in sysfs.entries(self.directory)
        ]
        matching = [
            chip
            for chip in chips
            if chip.name == options.chip
            and options.device in (None, chip.device)
        ]
        if len(matching) == 1:
            return matching[0]
        device = '' if options.device is None else f' at {options.device}'
        names = ', '.join(f'{chip.name} at {chip.device}' for chip in chips)
        raise exception.DriverError(
            reason=f'{len(matching)} hwmon chips are named {options.chip}'
            f'{device}, expected one; chips of this machine: '
            f'{names or "none"}'
        )

    def _select_sensors(self, chip: Chip) -> dict[str, pathlib.Path]:
        if self.options.sensors:
            return {name: chip.find(name) for name in self.options.sensors}
        power = chip.of_kind('power')
        if self.options.energy == 'integrate':
            return power
        return chip.of_kind('energy') or power


def _read(probe: str, attribute: pathlib.Path) -> measurement.Reading | None:
    value = sysfs.read_integer(attribute)
    monotonic = time.monotonic()
    if value is None or value == UNKNOWN:
        return None
    if attribute.name.startswith('energy'):
        return measurement.Reading(
            probe, ticks=value, counter=COUNTER, monotonic=monotonic
        )
    return measurement.Reading(probe, value / 1e6, monotonic=monotonic)
