# SPDX-License-Identifier: Apache-2.0

"""A BMC on the network, by IPMI."""

import collections.abc
import re

from energy_meter import exception
from energy_meter.discover import finding
from energy_meter.discover import section as sections
from energy_meter.discover import target as targets
from energy_meter.discover import trial as trials
from energy_meter.drivers.ipmi import sensors
from energy_meter.drivers.ipmi import session as ipmi_session

ACCURACY = 'not stated'
PORT = 623

#: Seconds in which the BMC must answer.
PATIENCE = 5.0

#: How the sensors of power supplies are called.
SUPPLY = re.compile('PS[U0-9 _]|Power Supply', re.IGNORECASE)

NOT_REACHED = (
    'is this the address of the BMC, is IPMI over LAN switched on '
    'in it, and does UDP port 623 get through? Its LAN channel '
    'can be seen from the machine itself with "ipmitool lan '
    'print"'
)
REFUSED = (
    '"ipmitool user list" on the machine itself shows the users. The '
    'user must be enabled for IPMI over LAN'
)
NA = (
    'it reads na, there is no value. Such sensors get theirs from the power '
    'supplies over PMBus, through the BMC or the Management Engine of the '
    "chipset (ME_PMBPower is Intel's). They read na while the machine is "
    'switched off or has just been switched on, and for ever where the '
    'power supplies have no PMBus or the Management Engine does not run. '
    'Switch the machine on and look again in a minute; if it stays so, '
    'meter it at its outlet'
)
NONE = (
    'it has no sensor in watts, and does not show power by DCMI, Dell or '
    'AEM: a main board without a wattmeter, or a BMC that shows it by '
    'Redfish only (--redfish)'
)


#: Names of sensors, with what each shows.
Shown = list[tuple[str, float | None]]


def look(
    trial: trials.Trial, target: targets.Target, user: str, password: str
) -> collections.abc.Iterator[finding.Finding]:
    """Look what power a BMC shows."""
    what = f'BMC {target}'
    session = ipmi_session.Session(
        target.host, target.port or PORT, user, password, timeout=PATIENCE
    )
    try:
        session.open()
        known = _sensors(session)
    except exception.AuthenticationFailed as e:
        yield finding.Finding(what, (str(e), REFUSED))
        return
    except exception.DeviceUnreachable as e:
        yield finding.Finding(what, (str(e), NOT_REACHED))
        return
    finally:
        session.close()
    section = sections.Section.of(
        target.name('bmc'),
        'ipmi',
        {'': None},
        {**target.options, 'username': user},
        {'password': password},
    )
    whole = trial.attempt(what, section, ACCURACY)
    if whole.section is not None:
        yield whole
    elif names := [name for name, watts in known if watts is not None]:
        yield _parts(trial, what, section, names)
    elif not known:
        yield whole._replace(remarks=(*whole.remarks, NONE))
    for name, watts in known:
        if watts is None:
            yield finding.Finding(f'{what}, sensor {name}', (NA,))


def _parts(
    trial: trials.Trial, what: str, section: sections.Section, names: list[str]
) -> finding.Finding:
    """Try sensors, none of which is the whole machine."""
    scope = 'psu' if all(map(SUPPLY.match, names)) else 'other'
    return trial.attempt(
        f'{what}, {", ".join(names)}',
        sections.Section.of(
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
        'no sensor shows the whole machine. If these are its power '
        'supplies, it is their sum: see sum probes',
    )


def _sensors(session: ipmi_session.Session) -> Shown:
    """Read the Watts sensors; a BMC with DCMI may do without."""
    try:
        return [
            (sensor.name, _read(sensor)) for sensor in sensors.find(session)
        ]
    except exception.ProtocolError:
        return []


def _read(sensor: sensors.Sensor) -> float | None:
    try:
        return sensor.read()
    except ipmi_session.CommandRefused:
        return None
