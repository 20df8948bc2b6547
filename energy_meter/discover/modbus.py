# SPDX-License-Identifier: Apache-2.0

"""Modbus TCP meters and gateways."""

import collections.abc

from energy_meter.discover import finding
from energy_meter.discover import section as sections
from energy_meter.discover import target as targets
from energy_meter.discover import trial as trials
from energy_meter.drivers.modbus import registermap

#: Three-phase meters first: one such has the registers of a single-phase
#: meter, too, with the values of its first phase.
ORDER = ('sdm630', 'sdm230', 'sdm120', 'iem3000')

ACCURACY = {'iem3000': 'class 0.5S or 1, by model'}
CLASS_1 = 'class 1 (1 %)'


def look(
    trial: trials.Trial,
    target: targets.Target,
    units: collections.abc.Sequence[int],
) -> collections.abc.Iterator[finding.Finding]:
    """Try the register maps of the package with each unit."""
    maps = [
        *ORDER,
        *(name for name in registermap.shipped() if name not in ORDER),
    ]
    for unit in units:
        found = [_attempt(trial, target, unit, name) for name in maps]
        metered = [each for each in found if each.section is not None]
        if not metered:
            reasons = dict.fromkeys(
                remark for each in found for remark in each.remarks
            )
            yield finding.Finding(
                f'Modbus {target} unit {unit}',
                (
                    *reasons,
                    f'no answer that {", ".join(maps)} explain. Is it '
                    'another unit (--modbus-units), or another kind '
                    'of meter (map = custom)?',
                ),
            )
            continue
        best, *others = metered
        if others:
            names = [
                str(each.section.options['map'])
                for each in others
                if each.section
            ]
            best = best._replace(
                remarks=(
                    *best.remarks,
                    f'{", ".join(names)} would do, too. Nothing '
                    'on Modbus tells the model: compare with its label and its '
                    'display',
                )
            )
        yield best


def _attempt(
    trial: trials.Trial, target: targets.Target, unit: int, name: str
) -> finding.Finding:
    return trial.attempt(
        f'Modbus {target} unit {unit}, {name}',
        sections.Section.of(
            target.name('modbus') + f'-unit-{unit}',
            'modbus',
            {'': None},
            {**target.options, 'map': name, 'units': unit},
        ),
        ACCURACY.get(name, CLASS_1),
    )
