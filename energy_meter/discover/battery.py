# SPDX-License-Identifier: Apache-2.0

"""Batteries and UPSes that feed this machine."""

import collections.abc

from energy_meter.discover import finding
from energy_meter.discover import machine
from energy_meter.discover import section as sections
from energy_meter.discover import trial as trials
from energy_meter.drivers import _sysfs
from energy_meter.drivers import power_supply


def look(trial: trials.Trial) -> collections.abc.Iterator[finding.Finding]:
    """Look for batteries; a server without one is nothing to speak of."""
    for path in _sysfs.entries(power_supply.PowerSupply.directory):
        if not power_supply.Supply(path).feeds_machine():
            continue
        what = f'battery or UPS {path.name}'
        status = _sysfs.read_optional(path / 'status')
        if status != 'Discharging':
            yield finding.Finding(
                what,
                (
                    f'it is {status or "in an unknown state"}, not discharging: '
                    "only what a battery gives is the machine's power. Unplug "
                    'the machine and look again',
                ),
            )
            continue
        yield trial.attempt(
            what,
            sections.Section.of(
                machine.name(path.name),
                'power_supply',
                {path.name: None},
                {'supplies': path.name},
            ),
            'a few per cent',
            'it shows nothing while the machine is plugged in',
        )
