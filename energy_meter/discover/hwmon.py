# SPDX-License-Identifier: Apache-2.0

"""Discovery of hwmon sensors: ibmaem, ACPI power meters and others."""

import collections
import collections.abc

from energy_meter.discover import finding
from energy_meter.discover import machine
from energy_meter.discover import section as sections
from energy_meter.discover import section_tester
from energy_meter.drivers import hwmon
from energy_meter.drivers.common import sysfs

#: Chips that measure the whole machine.
WHOLE = ('aem1', 'aem2', 'power_meter')

#: Vendors of machines with an Active Energy Manager.
AEM_VENDORS = ('IBM', 'LENOVO')

#: ACPI hardware ID of a power meter.
ACPI_METER = 'ACPI000D'


def discover(
    tester: section_tester.SectionTester,
) -> collections.abc.Iterator[finding.Finding]:
    """Find chips with power or energy sensors."""
    chips = [
        chip
        for path in sysfs.entries(hwmon.Hwmon.directory)
        if not _is_battery(chip := hwmon.Chip(path.resolve()))
    ]
    counts = collections.Counter(chip.name for chip in chips)
    for chip in chips:
        if _sensors(chip):
            yield from _chip(tester, chip, counts[chip.name] > 1)
    if not any(map(_sensors, chips)):
        yield _no_sensors(chips)
    names = set(counts)
    if machine.vendor().upper().startswith(AEM_VENDORS) and not (
        names & {'aem1', 'aem2'}
    ):
        yield finding.Finding('Active Energy Manager (ibmaem)', (_no_aem(),))
    if machine.has_acpi(ACPI_METER) and 'power_meter' not in names:
        yield finding.Finding(
            'ACPI power meter',
            (
                'the firmware describes a power meter, but no kernel module '
                'provides it: run modprobe acpi_power_meter as root. If this '
                'does not help, see the kernel log',
            ),
        )


def _is_battery(chip: hwmon.Chip) -> bool:
    """Check whether the chip is also a power supply of the kernel."""
    return (machine.SYS / 'class/power_supply' / chip.device).exists()


def _sensors(chip: hwmon.Chip) -> list[str]:
    """Return the sensors of a chip that the driver reads by default."""
    return list(chip.of_kind('energy') or chip.of_kind('power'))


def _chip(
    tester: section_tester.SectionTester,
    chip: hwmon.Chip,
    is_name_shared: bool,
) -> collections.abc.Iterator[finding.Finding]:
    description = f'hwmon chip {chip.name} at {chip.device}'
    device = chip.device if is_name_shared else None
    name = machine.make_name(chip.name, device or '')
    sensors = _sensors(chip)
    if chip.name != 'aem2' or len(sensors) < 2:
        yield tester.test(
            description, _section(name, chip, device, sensors), 'not stated'
        )
        return
    *others, main = sensors
    yield tester.test(
        f'{description}, {main}',
        _section(name, chip, device, [main]),
        'not stated',
        f'the chip also has {", ".join(others)}. What each sensor measures is '
        f'not documented publicly; a field report from a rack server uses '
        f'{main}. Do not add them, and compare with an external wattmeter',
    )
    for other in others:
        yield tester.test(
            f'{description}, {other}',
            _section(f'{name}-{other}', chip, device, [other]),
            'not stated',
            overlaps=name,
        )


def _section(
    name: str, chip: hwmon.Chip, device: str | None, sensors: list[str]
) -> sections.Section:
    return sections.Section.create(
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


def _no_sensors(chips: list[hwmon.Chip]) -> finding.Finding:
    device = 'hwmon (lm-sensors)'
    if not chips:
        return finding.Finding(
            device,
            (
                'this machine has no hwmon chip'
                + (
                    ', because it is a virtual machine'
                    if machine.is_virtual()
                    else '; run sensors-detect of lm-sensors to find the '
                    'kernel modules to load'
                ),
            ),
        )
    names = ', '.join(dict.fromkeys(chip.name for chip in chips))
    return finding.Finding(
        device,
        (
            f'the chips measure temperatures, fans or voltages ({names}), but '
            'not power or energy. Most main boards have no power meter. Use '
            'the BMC (--ipmi, --redfish) or the PDU (--snmp); RAPL covers '
            'only the processors',
        ),
    )


def _no_aem() -> str:
    if machine.has_module('ibmaem'):
        return (
            'the kernel module ibmaem is loaded, but found no Active Energy '
            'Manager in the BMC. Newer BMCs report power only over IPMI or '
            'Redfish: use --ipmi or --redfish'
        )
    return (
        f'{machine.vendor()} machines may have one, but the kernel module '
        'is not loaded: run modprobe ipmi_si ibmaem as root, and run this '
        'command again'
    )
