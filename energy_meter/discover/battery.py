# SPDX-License-Identifier: Apache-2.0

"""Discovery of batteries and UPSes that supply this machine."""

import collections.abc

from energy_meter.discover import finding
from energy_meter.discover import machine
from energy_meter.discover import section as sections
from energy_meter.discover import section_tester
from energy_meter.drivers import power_supply
from energy_meter.drivers.common import sysfs


def discover(
    tester: section_tester.SectionTester,
) -> collections.abc.Iterator[finding.Finding]:
    """Find batteries; a machine without one yields no finding."""
    for path in sysfs.entries(power_supply.PowerSupply.directory):
        if not power_supply.Supply(path).feeds_machine():
            continue
        device = f'battery or UPS {path.name}'
        status = sysfs.read_optional(path / 'status')
        if status != 'Discharging':
            yield finding.Finding(
                device,
                (
                    f'its status is {status or "unknown"}. Only the power of '
                    "a discharging battery equals the machine's power. Unplug "
                    'the machine and run the command again',
                ),
            )
            continue
        yield tester.test(
            device,
            sections.Section.create(
                machine.make_name(path.name),
                'power_supply',
                {path.name: None},
                {'supplies': [path.name]},
            ),
            'a few percent',
            'it has no value while the machine is plugged in',
        )
