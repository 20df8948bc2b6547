# SPDX-License-Identifier: Apache-2.0

"""Discovery of BMCs over IPMI."""

import collections.abc
import re

from energy_meter import exception
from energy_meter.discover import finding
from energy_meter.discover import section as sections
from energy_meter.discover import section_tester
from energy_meter.discover import target as targets
from energy_meter.drivers.ipmi import sensors
from energy_meter.drivers.ipmi import session as ipmi_session

ACCURACY = 'not stated'
PORT = 623

#: Maximum time to wait for a response of the BMC.
TIMEOUT_S = 5.0

#: Pattern of the sensor names of power supplies.
SUPPLY = re.compile('PS[U0-9 _]|Power Supply', re.IGNORECASE)

UNREACHABLE = (
    'check the address of the BMC, whether IPMI over LAN is enabled, and '
    'whether a firewall blocks UDP port 623. To see the settings, run '
    '"ipmitool lan print" on the machine itself'
)
REJECTED = (
    'to list the users, run "ipmitool user list" on the machine itself. The '
    'user must be enabled for IPMI over LAN'
)
UNAVAILABLE = (
    'the sensor has no value (na). Such sensors receive their values from '
    'the power supplies over PMBus, through the BMC or the Management Engine '
    'of the chipset (ME_PMBPower of Intel). They have no value while the '
    'machine is off or has just been switched on, and never have a value if '
    'the power supplies do not support PMBus or the Management Engine is '
    'disabled. Switch the machine on and run the command again after a '
    'minute. If the sensor still has no value, meter the machine at its '
    'outlet'
)
NO_POWER = (
    'it has no Watts sensor, and does not support the power commands of '
    'DCMI, Dell or AEM. The main board has no power meter, or the BMC '
    'reports power only over Redfish (--redfish)'
)


def discover(
    tester: section_tester.SectionTester,
    target: targets.Target,
    user: str,
    password: str,
) -> collections.abc.Iterator[finding.Finding]:
    """Find the power sources of a BMC."""
    device = f'BMC {target}'
    session = ipmi_session.Session(
        target.host, target.port or PORT, user, password, timeout=TIMEOUT_S
    )
    try:
        session.open()
        power_sensors = _read_sensors(session)
    except exception.AuthenticationFailed as e:
        yield finding.Finding(device, (str(e), REJECTED))
        return
    except exception.DeviceUnreachable as e:
        yield finding.Finding(device, (str(e), UNREACHABLE))
        return
    finally:
        session.close()
    section = sections.Section.create(
        target.make_name('bmc'),
        'ipmi',
        {'': None},
        {**target.options, 'username': user},
        {'password': password},
    )
    whole = tester.test(device, section, ACCURACY)
    names = [name for name, watts in power_sensors if watts is not None]
    if whole.section is not None:
        yield whole
    elif names:
        yield _test_sensors(tester, device, section, names)
    elif not power_sensors:
        yield whole._replace(remarks=(*whole.remarks, NO_POWER))
    for name, watts in power_sensors:
        if watts is None:
            yield finding.Finding(f'{device}, sensor {name}', (UNAVAILABLE,))


def _test_sensors(
    tester: section_tester.SectionTester,
    device: str,
    section: sections.Section,
    names: list[str],
) -> finding.Finding:
    """Test sensors that measure parts of the machine."""
    scope = 'psu' if all(map(SUPPLY.match, names)) else 'other'
    return tester.test(
        f'{device}, {", ".join(names)}',
        sections.Section.create(
            section.name,
            'ipmi',
            dict.fromkeys(names),
            {
                **section.options,
                'source': 'sensor',
                'sensor': names,
                'scope': scope,
            },
            section.secrets,
        ),
        ACCURACY,
        'no sensor measures the whole machine. If these sensors measure its '
        'power supplies, define a sum probe for the machine',
    )


def _read_sensors(
    session: ipmi_session.Session,
) -> list[tuple[str, float | None]]:
    """Return names and values of the Watts sensors.

    The list is empty if the BMC cannot list its sensors; it may still support
    DCMI.
    """
    try:
        return [
            (sensor.name, _read(sensor)) for sensor in sensors.find(session)
        ]
    except exception.ProtocolError:
        return []


def _read(sensor: sensors.Sensor) -> float | None:
    try:
        return sensor.read()
    except ipmi_session.CommandFailed:
        return None
