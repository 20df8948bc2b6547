# SPDX-License-Identifier: Apache-2.0

"""Wattmeters on serial lines."""

import bisect
import collections.abc
import dataclasses
import os
import pathlib

from serial.tools import list_ports

from energy_meter.discover import finding
from energy_meter.discover import machine
from energy_meter.discover import section as sections
from energy_meter.discover import trial as trials

#: More outlets than any of these wattmeters has.
MOST_OUTLETS = 64

#: Wattmeters without users, with driver and accuracy. First the one that talks
#: by itself, and to which nothing is said.
ANONYMOUS = (
    ('OmegaWatt Multivoies', 'omegawatt', 'not stated'),
    ('Watts Up?', 'wattsup', '1.5 %'),
)
USERS = (('Eaton ePDU G3', 'eaton_serial', '1 %; check the scale'),)

#: The USB chip of Watts Up? PRO and .net, which many other devices have.
WATTSUP_CHIP = (0x0403, 0x6001)


def ports() -> collections.abc.Iterator[finding.Finding]:
    """List serial ports on USB; nothing is sent to what is behind them."""
    lasting = {
        link.readlink().name: link
        for link in sorted((machine.DEV / 'serial/by-id').glob('*'))
    }
    for port in list_ports.comports():
        if port.vid is None:
            continue
        path = pathlib.Path(port.device)
        name = str(lasting.get(path.name, path))
        kind = ' '.join(filter(None, (port.manufacturer, port.product)))
        remarks = [f'USB {port.vid:04x}:{port.pid:04x} {kind}'.strip()]
        if (port.vid, port.pid) == WATTSUP_CHIP:
            remarks.append(
                'a Watts Up? has this chip, but so have many other devices'
            )
        remarks.append(
            'what is behind it was not asked, since not every '
            'device takes that well: energy-meter-discover '
            f'--serial {name}'
        )
        if not os.access(path, os.R_OK | os.W_OK):
            remarks.append(
                'this user may not open it: the group of the '
                'device, mostly dialout, may'
            )
        yield finding.Finding(f'serial port {name}', tuple(remarks))


def look(
    trial: trials.Trial,
    port: str,
    user: str | None,
    password: str,
) -> collections.abc.Iterator[finding.Finding]:
    """Try what may be behind a port.

    Only what has users is asked as a user: what is said to another kind of
    wattmeter before would pass for a part of the name.
    """
    reasons = []
    for what, driver, accuracy in ANONYMOUS if user is None else USERS:
        section = sections.Section.of(
            sections.name_of(pathlib.Path(port).name),
            driver,
            {'': None},
            {'port': port, 'username': user},
            {'password': password},
        )
        found = trial.attempt(f'{what} at {port}', section, accuracy)
        if found.section is not None:
            yield _with_all_outlets(trial, found)
            return
        reasons.append(f'{what}: {"; ".join(found.remarks)}')
    yield finding.Finding(
        f'serial port {port}',
        (
            *reasons,
            'an Eaton ePDU is asked with --serial-user USER; Modbus '
            'RTU and a CSV of OmegaWatt are not tried',
        ),
    )


def _with_all_outlets(
    trial: trials.Trial, found: finding.Finding
) -> finding.Finding:
    """Give as many probes as the wattmeter has outlets.

    Serial wattmeters don't tell, but their drivers refuse more.
    """
    section = found.section
    assert section is not None

    def refused(number: int) -> bool:
        results = trial.read(_with_outlets(section, number))
        return all(result.error for result in results)

    number = 1 + bisect.bisect_left(
        range(2, MOST_OUTLETS + 1), True, key=refused
    )
    return trial.attempt(
        found.what, _with_outlets(section, number), found.accuracy
    )


def _with_outlets(section: sections.Section, number: int) -> sections.Section:
    outlets = dict.fromkeys(map(str, range(1, number + 1)))
    return dataclasses.replace(
        section, probes=sections.probe_ids(section.name, outlets)
    )
