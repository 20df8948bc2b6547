# SPDX-License-Identifier: Apache-2.0

"""The BMC of this machine, which is read over the network."""

import collections.abc

from energy_meter.discover import finding
from energy_meter.discover import machine

#: What firmware that describes a BMC calls it.
ACPI_BMC = 'IPI0001'


def look() -> collections.abc.Iterator[finding.Finding]:
    """Look for a BMC."""
    if (machine.DEV / 'ipmi0').exists():
        yield finding.Finding(
            'BMC at /dev/ipmi0',
            (
                'this machine has a BMC. It is read over the network: '
                '"ipmitool lan print" as root tells its address for '
                'energy-meter-discover --ipmi ADDRESS --ipmi-user USER',
            ),
        )
    elif machine.has_acpi(ACPI_BMC):
        yield finding.Finding(
            'BMC',
            (
                'the firmware describes one, but there is no /dev/ipmi0: '
                'modprobe ipmi_si ipmi_devintf as root. If you know its address '
                'on the network, --ipmi ADDRESS does without',
            ),
        )
    elif machine.is_virtual():
        yield finding.Finding('BMC', ('a virtual machine has none',))
    else:
        yield finding.Finding(
            'BMC',
            (
                'no /dev/ipmi0, and the firmware describes no BMC. If there is '
                'one all the same, --ipmi ADDRESS or --redfish URL reads it over '
                'the network',
            ),
        )
