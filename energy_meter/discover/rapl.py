# SPDX-License-Identifier: Apache-2.0

"""Discovery of RAPL, the energy counters of the processors."""

import collections.abc

from energy_meter.discover import finding
from energy_meter.discover import machine
from energy_meter.discover import section as sections
from energy_meter.discover import section_tester
from energy_meter.drivers import rapl
from energy_meter.drivers.common import sysfs

#: Scopes of the kinds of zones that do not overlap.
SCOPES = {'package': 'cpu-package', 'dram': 'dram'}

ACCURACY = 'not stated; processors older than Haswell use an estimate'

#: How to grant the agent access to counters that only root may read.
PERMISSION = (
    'the agent needs read permission as well, for example with this line in '
    '/etc/tmpfiles.d/energy_meter-rapl.conf: '
    'z /sys/class/powercap/intel-rapl:*/energy_uj 0440 root '
    'energy_meter'
)


def discover(
    tester: section_tester.SectionTester,
) -> collections.abc.Iterator[finding.Finding]:
    """Find RAPL zones."""
    zones = [
        rapl.Zone(path)
        for path in sysfs.entries(rapl.RAPL.directory)
        if rapl.ZONE.fullmatch(path.name)
    ]
    if not zones:
        yield finding.Finding('RAPL', (_missing_reason(),))
        return
    for kind, scope in SCOPES.items():
        names = [zone.name for zone in zones if zone.kind == kind]
        if names:
            yield _test(tester, kind, scope, names)
    names = [zone.name for zone in zones if zone.kind == 'psys']
    if names:
        yield _test(tester, 'psys', 'platform', names)._replace(
            overlaps=machine.make_name('package')
        )


def _test(
    tester: section_tester.SectionTester,
    kind: str,
    scope: str,
    names: list[str],
) -> finding.Finding:
    result = tester.test(
        f'RAPL {", ".join(names)}',
        sections.Section(
            machine.make_name(kind),
            'rapl',
            tuple(map(machine.make_name, names)),
            {'zones': kind, 'scope': scope},
        ),
        ACCURACY,
    )
    if result.section is not None:
        return result._replace(remarks=(*result.remarks, PERMISSION))
    if not any(rapl.NOT_ROOT in remark for remark in result.remarks):
        return result
    return result._replace(
        remarks=(
            *result.remarks,
            f'root can read {len(names)} counters; {PERMISSION}',
        )
    )


def _missing_reason() -> str:
    if machine.is_virtual():
        return (
            'hypervisors hide the counters of the processors from virtual '
            'machines. Meter the host instead'
        )
    if not machine.has_module('intel_rapl_msr'):
        return (
            '/sys/class/powercap is empty and the kernel module is not '
            'loaded: run modprobe intel_rapl_msr as root. The module also '
            'supports AMD processors'
        )
    return (
        'the kernel module intel_rapl_msr is loaded, but does not support '
        'this processor'
    )
