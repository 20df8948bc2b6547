# SPDX-License-Identifier: Apache-2.0

"""RAPL: the energy counters of the processors."""

import collections.abc

from energy_meter.discover import finding
from energy_meter.discover import machine
from energy_meter.discover import section as sections
from energy_meter.discover import trial as trials
from energy_meter.drivers import _sysfs
from energy_meter.drivers import rapl

#: Kinds of zones that have no part in common, and the scope of each.
SCOPES = {'package': 'cpu-package', 'dram': 'dram'}

ACCURACY = 'not stated; processors older than Haswell estimate'

#: How to let the agent read what only root may.
PERMIT = (
    'the agent needs the permission, too, for instance by a line in '
    '/etc/tmpfiles.d/energy_meter-rapl.conf: '
    'z /sys/class/powercap/intel-rapl:*/energy_uj 0440 root '
    'energy_meter'
)


def look(trial: trials.Trial) -> collections.abc.Iterator[finding.Finding]:
    """Look for zones."""
    zones = [
        rapl.Zone(path)
        for path in _sysfs.entries(rapl.RAPL.directory)
        if rapl.ZONE.fullmatch(path.name)
    ]
    if not zones:
        yield finding.Finding('RAPL', (_why_none(),))
        return
    for kind, scope in SCOPES.items():
        names = [zone.name for zone in zones if zone.kind == kind]
        if names:
            yield _attempt(trial, kind, scope, names)
    names = [zone.name for zone in zones if zone.kind == 'psys']
    if names:
        yield _attempt(trial, 'psys', 'platform', names)._replace(
            overlaps=machine.name('package')
        )


def _attempt(
    trial: trials.Trial, kind: str, scope: str, names: list[str]
) -> finding.Finding:
    found = trial.attempt(
        f'RAPL {", ".join(names)}',
        sections.Section(
            machine.name(kind),
            'rapl',
            tuple(map(machine.name, names)),
            {'zones': kind, 'scope': scope},
        ),
        ACCURACY,
    )
    if found.section is not None:
        return found._replace(remarks=(*found.remarks, PERMIT))
    if not any(rapl.NOT_ROOT in remark for remark in found.remarks):
        return found
    return found._replace(
        remarks=(
            *found.remarks,
            f'root would see {len(names)} counters here; {PERMIT}',
        )
    )


def _why_none() -> str:
    if machine.is_virtual():
        return (
            'a virtual machine: hypervisors hide the counters of the '
            'processors from their guests. Meter the host'
        )
    if not machine.has_module('intel_rapl_msr'):
        return (
            'nothing in /sys/class/powercap, and the kernel module is '
            'not loaded: modprobe intel_rapl_msr as root, which is for '
            'AMD, too'
        )
    return (
        'the kernel module intel_rapl_msr is loaded, but knows no '
        'counter of this processor'
    )
