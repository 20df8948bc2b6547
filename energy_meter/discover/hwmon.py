# SPDX-License-Identifier: Apache-2.0

"""Sensors of the kernel's hwmon: ibmaem, ACPI power meters and others."""

import collections
import collections.abc

from energy_meter.discover import finding
from energy_meter.discover import machine
from energy_meter.discover import section as sections
from energy_meter.discover import trial as trials
from energy_meter.drivers import _sysfs
from energy_meter.drivers import hwmon

#: Chips that measure the whole machine.
WHOLE = ('aem1', 'aem2', 'power_meter')

#: Who made the machines that have an Active Energy Manager.
AEM_MAKERS = ('IBM', 'LENOVO')

ACPI_METER = 'ACPI000D'


def look(trial: trials.Trial) -> collections.abc.Iterator[finding.Finding]:
    """Look for chips with power or energy sensors."""
    chips = [
        chip
        for path in _sysfs.entries(hwmon.Hwmon.directory)
        if not _is_battery(chip := hwmon.Chip(path.resolve()))
    ]
    shared = collections.Counter(chip.name for chip in chips)
    for chip in chips:
        if _sensors(chip):
            yield from _chip(trial, chip, shared[chip.name] > 1)
    if not any(map(_sensors, chips)):
        yield _nothing(chips)
    names = set(shared)
    if machine.maker().upper().startswith(AEM_MAKERS) and not (
        names & {'aem1', 'aem2'}
    ):
        yield finding.Finding('Active Energy Manager (ibmaem)', (_no_aem(),))
    if machine.has_acpi(ACPI_METER) and 'power_meter' not in names:
        yield finding.Finding(
            'ACPI power meter',
            (
                'the firmware describes one, but no driver shows it: '
                'modprobe acpi_power_meter as root; if that changes nothing, the '
                'kernel log says why',
            ),
        )


def _is_battery(chip: hwmon.Chip) -> bool:
    """Tell whether the kernel shows a power supply as a chip, too."""
    return (machine.SYS / 'class/power_supply' / chip.device).exists()


def _sensors(chip: hwmon.Chip) -> list[str]:
    """Name what of a chip the driver reads unless told otherwise."""
    return list(chip.of_kind('energy') or chip.of_kind('power'))


def _chip(
    trial: trials.Trial,
    chip: hwmon.Chip,
    shared: bool,
) -> collections.abc.Iterator[finding.Finding]:
    what = f'hwmon chip {chip.name} at {chip.device}'
    device = chip.device if shared else None
    name = machine.name(chip.name, device or '')
    sensors = _sensors(chip)
    if chip.name != 'aem2' or len(sensors) < 2:
        yield trial.attempt(
            what, _section(name, chip, device, sensors), 'not stated'
        )
        return
    *others, main = sensors
    yield trial.attempt(
        f'{what}, {main}',
        _section(name, chip, device, [main]),
        'not stated',
        f'{", ".join(others)} is there, too. No public document tells what '
        f'each covers; {main} is what a field report from a rack server '
        'reads. Never add them up, and compare with a wattmeter at the wall',
    )
    for other in others:
        yield trial.attempt(
            f'{what}, {other}',
            _section(f'{name}-{other}', chip, device, [other]),
            'not stated',
            overlaps=name,
        )


def _section(
    name: str, chip: hwmon.Chip, device: str | None, sensors: list[str]
) -> sections.Section:
    return sections.Section.of(
        name,
        'hwmon',
        dict.fromkeys(sensors),
        {
            'chip': chip.name,
            'device': device,
            'sensors': sensors,
            'scope': None if chip.name in WHOLE else 'other',
        },
    )


def _nothing(chips: list[hwmon.Chip]) -> finding.Finding:
    what = 'hwmon, what sensors shows'
    if not chips:
        return finding.Finding(
            what,
            (
                'this machine has no hwmon chip'
                + (
                    ': it is a virtual machine'
                    if machine.is_virtual()
                    else '; sensors-detect of lm-sensors tells which kernel modules '
                    'to load'
                ),
            ),
        )
    return finding.Finding(
        what,
        (
            f'{", ".join(dict.fromkeys(chip.name for chip in chips))}: these '
            'chips measure temperatures, fans or voltages, none of them power or '
            'energy. Most main boards have no wattmeter that sensors could show. '
            'Ask the BMC (--ipmi, --redfish) or the PDU (--snmp), or be content '
            'with RAPL, which is the processors alone',
        ),
    )


def _no_aem() -> str:
    if machine.has_module('ibmaem'):
        return (
            'the module ibmaem is loaded, but found no Active Energy '
            'Manager in the BMC. Newer BMCs show their power by IPMI or '
            'Redfish only: --ipmi, --redfish'
        )
    return (
        f'a machine of {machine.maker()} may have one, but the kernel '
        'module is not loaded: modprobe ipmi_si ibmaem as root, and look '
        'again'
    )
