# SPDX-License-Identifier: Apache-2.0

"""Discovery of wattmeters on serial lines."""

import bisect
import collections.abc
import dataclasses
import os
import pathlib

from serial.tools import list_ports

from energy_meter.discover import finding
from energy_meter.discover import machine
from energy_meter.discover import section as sections
from energy_meter.discover import section_tester

#: Maximum number of channels to test; no supported wattmeter has more.
MAX_CHANNELS = 64

#: Name, driver and accuracy of wattmeters without a login. The first one
#: sends readings unprompted, so nothing is sent to test it.
WITHOUT_LOGIN = (
    ('OmegaWatt Multivoies', 'omegawatt', 'not stated'),
    ('Watts Up?', 'wattsup', '1.5 %'),
)
WITH_LOGIN = (('Eaton ePDU G3', 'eaton_serial', '1 %; check the scale'),)

#: USB ID of Watts Up? PRO and .net, which many other devices share.
WATTSUP_CHIP = (0x0403, 0x6001)


def ports(
    _tester: section_tester.SectionTester,
) -> collections.abc.Iterator[finding.Finding]:
    """List USB serial ports without sending data to the devices."""
    stable_paths = {
        link.readlink().name: link
        for link in sorted((machine.DEV / 'serial/by-id').glob('*'))
    }
    for port in list_ports.comports():
        if port.vid is None:
            continue
        path = pathlib.Path(port.device)
        name = str(stable_paths.get(path.name, path))
        product = ' '.join(filter(None, (port.manufacturer, port.product)))
        remarks = [f'USB {port.vid:04x}:{port.pid:04x} {product}'.strip()]
        if (port.vid, port.pid) == WATTSUP_CHIP:
            remarks.append(
                'Watts Up? meters have this chip, as do many other devices'
            )
        remarks.append(
            'the device was not tested, because some devices malfunction if '
            'they receive unexpected data. To test it, run '
            f'energy-meter-discover --serial {name}'
        )
        if not os.access(path, os.R_OK | os.W_OK):
            remarks.append(
                'the current user has no permission to open it; add the user '
                'to the group of the device, usually dialout'
            )
        yield finding.Finding(f'serial port {name}', tuple(remarks))


def discover(
    tester: section_tester.SectionTester,
    port: str,
    user: str | None,
    password: str,
) -> collections.abc.Iterator[finding.Finding]:
    """Test which wattmeter is connected to a port.

    With a user, only wattmeters with a login are tested: such a wattmeter
    would read data sent to test another kind as part of the user name.
    """
    reasons = []
    for name, driver, accuracy in (
        WITHOUT_LOGIN if user is None else WITH_LOGIN
    ):
        section = sections.Section.create(
            sections.make_name(pathlib.Path(port).name),
            driver,
            {'': None},
            {'port': port, 'username': user},
            {'password': password},
        )
        result = tester.test(f'{name} at {port}', section, accuracy)
        if result.section is not None:
            yield _with_all_channels(tester, result, result.section)
            return
        reasons.append(f'{name}: {"; ".join(result.remarks)}')
    yield finding.Finding(
        f'serial port {port}',
        (
            *reasons,
            'to test for an Eaton ePDU, use --serial-user USER; Modbus RTU '
            'and the CSV format of OmegaWatt are not tested',
        ),
    )


def _with_all_channels(
    tester: section_tester.SectionTester,
    meter: finding.Finding,
    section: sections.Section,
) -> finding.Finding:
    """Return a finding with one probe for each channel.

    Serial wattmeters do not report their number of channels, but their
    drivers reject more probes than channels.
    """

    def is_rejected(count: int) -> bool:
        results = tester.read(_with_channels(section, count))
        return all(result.error for result in results)

    count = 1 + bisect.bisect_left(
        range(2, MAX_CHANNELS + 1), True, key=is_rejected
    )
    return tester.test(
        meter.device, _with_channels(section, count), meter.accuracy
    )


def _with_channels(section: sections.Section, count: int) -> sections.Section:
    channels = dict.fromkeys(map(str, range(1, count + 1)))
    return dataclasses.replace(
        section, probes=sections.probe_ids(section.name, channels)
    )
