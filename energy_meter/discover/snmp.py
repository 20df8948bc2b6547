# SPDX-License-Identifier: Apache-2.0

"""A PDU or another device that talks SNMP."""

import collections.abc
import dataclasses
import typing

from energy_meter import exception
from energy_meter.discover import finding
from energy_meter.discover import section as sections
from energy_meter.discover import target as targets
from energy_meter.discover import trial as trials
from energy_meter.drivers.snmp import engine
from energy_meter.drivers.snmp import options as snmp_options
from energy_meter.drivers.snmp import profile
from energy_meter.drivers.snmp import session as snmp_session

#: sysDescr and sysObjectID (RFC 3418).
DESCRIPTION = (1, 3, 6, 1, 2, 1, 1, 1, 0)
OBJECT_ID = (1, 3, 6, 1, 2, 1, 1, 2, 0)

#: Where the operator's profiles are.
DIRECTORY: str = next(
    opt.default for opt in snmp_options.OPTS if opt.name == 'profile_path'
)

ACCURACY = 'about 1 %, see the data sheet'
PORT = 161

NOT_REACHED = (
    'is SNMP switched on there, may this address ask, and is the '
    'community or the user right?'
)


@dataclasses.dataclass(frozen=True)
class Access:
    """How to ask.

    :ivar options: options of the driver.
    :ivar secrets: those of its options that are secret.
    """

    options: collections.abc.Mapping[str, typing.Any]
    secrets: collections.abc.Mapping[str, str] = dataclasses.field(
        default_factory=dict, repr=False
    )

    def credentials(self) -> engine.Credentials:
        """Give what the driver's session takes."""
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


def look(
    trial: trials.Trial,
    target: targets.Target,
    access: Access,
) -> collections.abc.Iterator[finding.Finding]:
    """Look what a device is, and what its tables show."""
    what = f'SNMP {target}'
    try:
        known, described = _recognise(target, access)
    except exception.DriverError as e:
        yield finding.Finding(what, (str(e), NOT_REACHED))
        return
    first: str | None = None
    for name, table in known:
        found = _table(trial, target, access, name, table, first)
        if found is not None:
            first = first or found.name
            yield found
    if first is None:
        yield finding.Finding(what, (_why_none(described, known),))


def _recognise(
    target: targets.Target,
    access: Access,
) -> tuple[list[tuple[str, str]], str]:
    """Give profile and name of the tables to try, and what it says it is."""
    session = snmp_session.Session(
        target.host, target.port or PORT, access.credentials(), '', 1.0, 2
    )
    session.open()
    try:
        shown = session.get([OBJECT_ID, DESCRIPTION])
    finally:
        session.close()
    system, description = shown[OBJECT_ID], shown[DESCRIPTION]
    if not isinstance(system, tuple):
        system = ()
    text = (
        description.decode(errors='replace')
        if isinstance(description, bytes)
        else 'no sysDescr'
    )
    known = [
        (name, table)
        for name in profile.recognise(system, DIRECTORY)
        for table in profile.load(name, DIRECTORY).tables
    ]
    return known, f'sysObjectID {".".join(map(str, system))}, {text!r}'


def _table(
    trial: trials.Trial,
    target: targets.Target,
    access: Access,
    name: str,
    table: str,
    before: str | None,
) -> finding.Finding | None:
    """Try a table; None if the device has none such."""
    family = profile.load(name, DIRECTORY)
    section = sections.Section.of(
        target.name('pdu', '' if before is None else table),
        'snmp',
        {'': None},
        {**target.options, 'profile': name, 'table': table, **access.options},
        access.secrets,
    )
    driver = trials.make_driver(section)
    try:
        driver.open()
        outlets = {outlet.index: outlet.name for outlet in driver.outlets()}
    except exception.ProtocolError:
        return None
    finally:
        driver.close()
    options = {**section.options, 'outlets': list(outlets)}
    return trial.attempt(
        f'{family.meter} at {target}, {table}',
        dataclasses.replace(
            section,
            options=options,
            probes=sections.probe_ids(section.name, outlets),
        ),
        ACCURACY,
        overlaps=before,
    )


def _why_none(described: str, known: list[tuple[str, str]]) -> str:
    if known:
        tables = ', '.join(f'{table} of {name}' for name, table in known)
        return (
            f'{described}: its family is known, but it shows no value in '
            f'{tables}: this model does not measure power'
        )
    return (
        f'{described}: none of the families that are known '
        f'({", ".join(profile.names(DIRECTORY))}). If it shows power all '
        'the same, give its columns with profile = custom, or write a '
        f'profile in {DIRECTORY}'
    )
