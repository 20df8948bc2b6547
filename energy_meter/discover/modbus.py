# SPDX-License-Identifier: Apache-2.0

"""Discovery of Modbus TCP meters and gateways."""

import collections.abc

from energy_meter.discover import finding
from energy_meter.discover import section as sections
from energy_meter.discover import section_tester
from energy_meter.discover import target as targets
from energy_meter.drivers.modbus import registermap

#: Register maps to try first. Three-phase meters come before single-phase
#: meters, because they also have the registers of a single-phase meter, with
#: the values of the first phase.
ORDER = ('sdm630', 'sdm230', 'sdm120', 'iem3000')

ACCURACY = {'iem3000': 'class 0.5S or 1, depending on the model'}
CLASS_1 = 'class 1 (1 %)'


def discover(
    tester: section_tester.SectionTester,
    target: targets.Target,
    units: collections.abc.Sequence[int],
) -> collections.abc.Iterator[finding.Finding]:
    """Test the register maps of the package with each unit."""
    maps = [
        *ORDER,
        *(name for name in registermap.included() if name not in ORDER),
    ]
    for unit in units:
        findings = [_test(tester, target, unit, name) for name in maps]
        yield _select(f'Modbus {target} unit {unit}', maps, findings)


def _select(
    device: str,
    maps: collections.abc.Sequence[str],
    findings: collections.abc.Sequence[finding.Finding],
) -> finding.Finding:
    """Return the best finding, with the alternatives as a remark."""
    metered = [each for each in findings if each.section is not None]
    if not metered:
        reasons = dict.fromkeys(
            remark for each in findings for remark in each.remarks
        )
        return finding.Finding(
            device,
            (
                *reasons,
                f'no response that matches a register map ({", ".join(maps)})'
                '. Try another unit (--modbus-units), or define the register '
                'map of the meter (map = custom)',
            ),
        )
    best, *others = metered
    if not others:
        return best
    names = [
        str(each.section.options['map']) for each in others if each.section
    ]
    return best._replace(
        remarks=(
            *best.remarks,
            f'the register maps {", ".join(names)} match as well. Modbus has '
            'no model identification: compare with the label and the display '
            'of the meter',
        )
    )


def _test(
    tester: section_tester.SectionTester,
    target: targets.Target,
    unit: int,
    name: str,
) -> finding.Finding:
    return tester.test(
        f'Modbus {target} unit {unit}, {name}',
        sections.Section.create(
            target.make_name('modbus') + f'-unit-{unit}',
            'modbus',
            {'': None},
            {**target.options, 'map': name, 'units': unit},
        ),
        ACCURACY.get(name, CLASS_1),
    )
