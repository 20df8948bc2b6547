# SPDX-License-Identifier: Apache-2.0

"""Power and energy sensors of Linux's hwmon, as ``sensors`` shows them.

Sources: the kernel's description of the hwmon sysfs interface, its
ibmaem.c and its acpi_power_meter.c.
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
from energy_meter.drivers import _probewise
from energy_meter.drivers import _sysfs
from energy_meter.drivers import base

LOG = logging.getLogger(__name__)

#: Every energy counter of hwmon counts microjoules.
COUNTER = measurement.Counter(joules=1e-6)

#: An ACPI meter's "unknown", 2^32 - 1 mW, as it arrives in microwatts.
UNKNOWN = 0xFFFF_FFFF * 1000

#: Look like measured power, but are an auxiliary reading (power3) and the
#: limits of power capping.
NOT_THE_MACHINE = {
    'aem2': ('power3', 'power4', 'power5', 'power6', 'power7'),
}

ATTRIBUTE = re.compile('((?:energy|power)[0-9]+)_(?:average|input)')


class Chip:
    """One hwmon chip.

    :ivar name: what its kernel driver calls it; several may share a name.
    :ivar device: where in the machine it is, which outlasts a reboot:
        ``aem.0``, ``1-0040``, ``ACPI000D:00``.
    :ivar sensors: of ``energy1``, ``power1`` and so on the attribute to
        read.

    :param path: its directory in ``/sys/class/hwmon``.
    """

    def __init__(self, path: pathlib.Path) -> None:
        self.device = (path / 'device').resolve().name
        # Kernel drivers of the old kind keep it all in the device.
        self._path = path if (path / 'name').exists() else path / 'device'
        self.name = _sysfs.read_text(self._path / 'name') or ''
        self.sensors: dict[str, pathlib.Path] = {}
        for attribute in _sysfs.entries(self._path):
            match = ATTRIBUTE.fullmatch(attribute.name)
            if match and match[1] not in NOT_THE_MACHINE.get(self.name, ()):
                # The mean, which comes first, suits integration better
                # than the momentary value.
                self.sensors.setdefault(match[1], attribute)

    def find(self, name: str) -> pathlib.Path:
        """Find a sensor by its name, its attribute's name or its label.

        :raises DriverError: the chip has no such sensor.
        """
        for sensor, attribute in self.sensors.items():
            if name in (sensor, self._about(sensor, 'label')):
                return attribute
            if name in (f'{sensor}_average', f'{sensor}_input'):
                return attribute.with_name(name)
        raise exception.DriverError(
            reason=f'hwmon chip {self.name} has no power or energy sensor '
            f'{name}: it has {", ".join(self.sensors) or "none"}'
        )

    def of_kind(self, kind: str) -> dict[str, pathlib.Path]:
        """Choose its sensors of one kind, ``energy`` or ``power``.

        A sensor that measures a battery must be asked for by name: what
        flows from a battery isn't the power of the machine.
        """
        return {
            sensor: attribute
            for sensor, attribute in self.sensors.items()
            if sensor.startswith(kind)
            and self._about(sensor, 'is_battery') != '1'
        }

    def _about(self, sensor: str, what: str) -> str | None:
        return _sysfs.read_optional(self._path / f'{sensor}_{what}')


class Hwmon(base.PolledDriver):
    """Reads power or energy sensors of one hwmon chip.

    :cvar directory: where the kernel shows its hwmon chips.
    """

    opts = (
        cfg.StrOpt(
            'chip',
            required=True,
            help='Name of the hwmon chip, such as aem1, power_meter '
            'or ina238: what its file "name" holds, and what '
            '"sensors" shows before the first dash.',
        ),
        cfg.StrOpt(
            'device',
            help='Which of several chips of one name: the last part '
            'of what the link "device" of the chip points to, '
            'such as 1-0040.',
        ),
        cfg.ListOpt(
            'sensors',
            default=[],
            help='Sensors to read, one for each probe: energy1 or '
            'power1, or a label. The default is every energy '
            'counter of the chip or, where it has none or '
            'energy is set to integrate, every power sensor.',
        ),
    )
    measures_this_machine = True

    directory: typing.ClassVar = pathlib.Path('/sys/class/hwmon')

    def open(self) -> None:
        chip = self._chip()
        self._chosen = self._choose(chip)
        self._sensors = _sysfs.assign(
            f'hwmon chip {chip.name}', self._chosen, self.probes
        )
        self._probewise = _probewise.Probewise(LOG)

    def outlets(self) -> collections.abc.Sequence[base.Outlet]:
        return base.number(self._chosen)

    def read(self) -> collections.abc.Iterable[measurement.Reading]:
        return self._probewise.read(self._sensors, _read)

    def _chip(self) -> Chip:
        options = self.options
        # The device's own path: another chip may get the number some day.
        chips = [
            Chip(path.resolve()) for path in _sysfs.entries(self.directory)
        ]
        found = [
            chip
            for chip in chips
            if chip.name == options.chip
            and options.device in (None, chip.device)
        ]
        if len(found) == 1:
            return found[0]
        device = '' if options.device is None else f' at {options.device}'
        shown = ', '.join(f'{chip.name} at {chip.device}' for chip in chips)
        raise exception.DriverError(
            reason=f'{len(found)} hwmon chips are named {options.chip}'
            f'{device}, where one was expected; the chips of this '
            f'machine: {shown or "none"}'
        )

    def _choose(self, chip: Chip) -> dict[str, pathlib.Path]:
        if self.options.sensors:
            return {name: chip.find(name) for name in self.options.sensors}
        power = chip.of_kind('power')
        if self.options.energy == 'integrate':
            return power
        return chip.of_kind('energy') or power


def _read(probe: str, attribute: pathlib.Path) -> measurement.Reading | None:
    value = _sysfs.read_integer(attribute)
    at = time.monotonic()
    if value is None or value == UNKNOWN:
        return None
    if attribute.name.startswith('energy'):
        return measurement.Reading(probe, ticks=value, counter=COUNTER, at=at)
    return measurement.Reading(probe, value / 1e6, at=at)
