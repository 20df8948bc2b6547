# SPDX-License-Identifier: Apache-2.0

"""Discovery of this machine's BMC, which is read over the network."""

import collections.abc

from energy_meter.discover import finding
from energy_meter.discover import machine
from energy_meter.discover import section_tester

#: ACPI hardware ID of an IPMI interface.
ACPI_BMC = 'IPI0001'


def discover(
    _tester: section_tester.SectionTester,
) -> collections.abc.Iterator[finding.Finding]:
    """Report whether this machine has a BMC, and how to read it."""
    if (machine.DEV / 'ipmi0').exists():
        yield finding.Finding(
            'BMC at /dev/ipmi0',
            (
                'this machine has a BMC. To read it over the network, run '
                '"ipmitool lan print" as root to get its address, and then '
                'energy-meter-discover --ipmi ADDRESS --ipmi-user USER',
            ),
        )
    elif machine.has_acpi(ACPI_BMC):
        yield finding.Finding(
            'BMC',
            (
                'the firmware describes a BMC, but /dev/ipmi0 is missing: run '
                'modprobe ipmi_si ipmi_devintf as root. If you know its '
                'network address, use --ipmi ADDRESS instead',
            ),
        )
    elif machine.is_virtual():
        yield finding.Finding('BMC', ('virtual machines have no BMC',))
    else:
        yield finding.Finding(
            'BMC',
            (
                '/dev/ipmi0 is missing and the firmware describes no BMC. If '
                'the machine has a BMC, use --ipmi ADDRESS or --redfish URL '
                'to read it over the network',
            ),
        )
