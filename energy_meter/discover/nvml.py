# SPDX-License-Identifier: Apache-2.0

"""Discovery of NVIDIA GPUs."""

import collections.abc
import contextlib

from energy_meter import exception
from energy_meter.discover import finding
from energy_meter.discover import machine
from energy_meter.discover import section as sections
from energy_meter.discover import section_tester
from energy_meter.drivers import base
from energy_meter.drivers.common import sysfs

#: Description of the device in findings.
DEVICE = 'NVIDIA GPUs'

ACCURACY = '5 % on old GPUs, not stated for newer ones'

PERMISSION = (
    'if the agent runs in the packaged systemd unit, install the drop-in '
    'energy-meter-agent-nvidia.conf'
)

#: PCI vendor ID of NVIDIA.
VENDOR = '0x10de'

#: Beginning of the PCI classes of display controllers.
DISPLAY = '0x03'


def discover(
    tester: section_tester.SectionTester,
) -> collections.abc.Iterator[finding.Finding]:
    """Find GPUs; a machine without one yields no finding."""
    try:
        gpus = _gpus()
    except exception.DriverError as e:
        if _has_card():
            yield finding.Finding(DEVICE, (str(e),))
        return
    # Without its UUID a GPU is not identified: indexes change at a restart.
    lost = [gpu.index for gpu in gpus if gpu.name == gpu.index]
    if lost:
        yield finding.Finding(
            f'NVIDIA GPU {", ".join(lost)}',
            (
                'NVML cannot read its UUID. Run nvidia-smi to see why, and '
                'this command again when it is repaired',
            ),
        )
    uuids = {gpu.index: gpu.name for gpu in gpus if gpu.index not in lost}
    if uuids:
        yield tester.test(
            DEVICE,
            _section([f'gpu{index}' for index in uuids], [*uuids.values()]),
            ACCURACY,
            PERMISSION,
        )


def _gpus() -> collections.abc.Sequence[base.Channel]:
    """List the GPUs.

    :raises DriverError: if NVML cannot list them.
    """
    driver = section_tester.make_driver(_section(['gpu'], []))
    with contextlib.closing(driver):
        driver.open()
        return driver.channels()


def _section(probes: list[str], gpus: list[str | None]) -> sections.Section:
    return sections.Section(
        machine.make_name('gpus'),
        'nvml',
        tuple(map(machine.make_name, probes)),
        {'gpus': gpus or None},
    )


def _has_card() -> bool:
    return any(
        sysfs.read_optional(device / 'vendor') == VENDOR
        and (sysfs.read_optional(device / 'class') or '').startswith(DISPLAY)
        for device in sysfs.entries(machine.SYS / 'bus/pci/devices')
    )
