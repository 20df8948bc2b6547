# SPDX-License-Identifier: Apache-2.0

"""Discovery of PDUs and other devices over SNMP."""

import collections.abc
import dataclasses
import typing

from energy_meter import exception
from energy_meter.discover import finding
from energy_meter.discover import section as sections
from energy_meter.discover import section_tester
from energy_meter.discover import target as targets
from energy_meter.drivers.snmp import engine
from energy_meter.drivers.snmp import options as snmp_options
from energy_meter.drivers.snmp import profile
from energy_meter.drivers.snmp import session as snmp_session

#: sysDescr and sysObjectID (RFC 3418).
DESCRIPTION = (1, 3, 6, 1, 2, 1, 1, 1, 0)
OBJECT_ID = (1, 3, 6, 1, 2, 1, 1, 2, 0)

#: Default directory of the operator's profiles.
DIRECTORY: str = next(
    opt.default for opt in snmp_options.OPTS if opt.name == 'profile_path'
)

ACCURACY = 'about 1 %, see the data sheet'
PORT = 161
TIMEOUT_S = 1.0
RETRIES = 2

UNREACHABLE = (
    'check whether SNMP is enabled on the device, whether it accepts requests '
    'from this address, and whether the community or the user is correct'
)


@dataclasses.dataclass(frozen=True)
class Access:
    """Version and credentials for SNMP requests.

    :ivar options: options of the driver.
    :ivar secrets: secret options of the driver.
    """

    options: collections.abc.Mapping[str, typing.Any]
    secrets: collections.abc.Mapping[str, str] = dataclasses.field(
        default_factory=dict, repr=False
    )

    def credentials(self) -> engine.Credentials:
        """Return the credentials for a session."""
        return engine.Credentials(
            **{
                **{
                    name: value
                    for name, value in self.options.items()
                    if value
                },
                **self.secrets,
            }
        )


def discover(
    tester: section_tester.SectionTester,
    target: targets.Target,
    access: Access,
) -> collections.abc.Iterator[finding.Finding]:
    """Detect the device family and find its tables with power or energy."""
    device = f'SNMP {target}'
    try:
        tables, description = _detect(target, access)
    except exception.DriverError as e:
        yield finding.Finding(device, (str(e), UNREACHABLE))
        return
    first: str | None = None
    for name, table in tables:
        result = _test_table(tester, target, access, name, table, first)
        if result is not None:
            first = first or result.section_name
            yield result
    if first is None:
        yield finding.Finding(device, (_missing_reason(description, tables),))


def _detect(
    target: targets.Target,
    access: Access,
) -> tuple[list[tuple[str, str]], str]:
    """Return profile and name of the tables to test, and a description."""
    session = snmp_session.Session(
        target.host,
        target.port or PORT,
        access.credentials(),
        '',
        TIMEOUT_S,
        RETRIES,
    )
    session.open()
    try:
        values = session.get([OBJECT_ID, DESCRIPTION])
    finally:
        session.close()
    system, description = values[OBJECT_ID], values[DESCRIPTION]
    if not isinstance(system, tuple):
        system = ()
    text = (
        description.decode(errors='replace')
        if isinstance(description, bytes)
        else 'no sysDescr'
    )
    tables = [
        (name, table)
        for name in profile.detect(system, DIRECTORY)
        for table in profile.load(name, DIRECTORY).tables
    ]
    return tables, f'sysObjectID {".".join(map(str, system))}, {text!r}'


def _test_table(
    tester: section_tester.SectionTester,
    target: targets.Target,
    access: Access,
    name: str,
    table: str,
    overlaps: str | None,
) -> finding.Finding | None:
    """Test a table; return None if the device does not have it."""
    family = profile.load(name, DIRECTORY)
    section = sections.Section.create(
        target.make_name('pdu', '' if overlaps is None else table),
        'snmp',
        {'': None},
        {**target.options, 'profile': name, 'table': table, **access.options},
        access.secrets,
    )
    driver = section_tester.make_driver(section)
    try:
        driver.open()
        channels = {
            channel.index: channel.name for channel in driver.channels()
        }
    except exception.ProtocolError:
        return None
    finally:
        driver.close()
    options = {**section.options, 'channels': list(channels)}
    return tester.test(
        f'{family.meter} at {target}, {table}',
        dataclasses.replace(
            section,
            options=options,
            probes=sections.probe_ids(section.name, channels),
        ),
        ACCURACY,
        overlaps=overlaps,
    )


def _missing_reason(description: str, tables: list[tuple[str, str]]) -> str:
    if tables:
        names = ', '.join(f'{table} of {name}' for name, table in tables)
        return (
            f'{description}: the device family is supported, but this model '
            f'has no values in {names}; it probably does not measure power'
        )
    return (
        f'{description}: no profile for this device family; available: '
        f'{", ".join(profile.names(DIRECTORY))}. If the device measures '
        'power, set its columns with profile = custom, or write a profile in '
        f'{DIRECTORY}'
    )
