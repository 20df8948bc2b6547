# SPDX-License-Identifier: Apache-2.0

"""Discovery of chassis and power equipment over Redfish."""

import collections.abc
import types
import typing
import urllib.parse

from energy_meter import exception
from energy_meter.discover import finding
from energy_meter.discover import section as sections
from energy_meter.discover import section_tester
from energy_meter.drivers.redfish import equipment
from energy_meter.drivers.redfish import service
from energy_meter.drivers.redfish import snapshot
from energy_meter.drivers.redfish import sources

ACCURACY = 'not stated'

#: Indexes of PowerControl entries to request.
ENTRIES = tuple(map(str, range(16)))

#: Maximum number of sensors to read; each takes one request.
MAX_SENSORS = 200

#: Scopes of sources that do not measure the whole chassis.
SCOPES = {'power-supplies': 'psu', 'sensors': 'other'}


class Candidate(typing.NamedTuple):
    """Source of a chassis or power equipment that may provide power.

    :ivar source: value of the ``source`` option.
    :ivar channels: value of the ``channels`` option; empty for the whole
        chassis or equipment.
    """

    source: str
    channels: collections.abc.Sequence[str]
    remarks: tuple[str, ...] = ()


class Controller:
    """Management controller, with the common options of its sections.

    :param options: options of the driver.
    :param secrets: secret options of the driver.
    :param name: the operator's name of the controller, if any.
    """

    def __init__(
        self,
        tester: section_tester.SectionTester,
        options: collections.abc.Mapping[str, object],
        secrets: collections.abc.Mapping[str, str],
        name: str,
    ) -> None:
        self.url = str(options['url'])
        self._tester = tester
        self._options = options
        self._secrets = secrets
        self._host = name or None
        host = urllib.parse.urlsplit(self.url).netloc.rpartition('@')[2]
        self.name = sections.make_name(
            *([name] if name else ['redfish', host])
        )

    def connect(self) -> service.Service:
        """Return the service of the controller.

        :raises DriverError: if an option is invalid.
        """
        loaded = section_tester.load(self._section(self.name, {'': None}, {}))
        return service.Service(types.SimpleNamespace(**loaded.options))

    def test(
        self,
        kind: str,
        unit: str,
        candidate: Candidate,
        overlaps: str | None,
    ) -> finding.Finding:
        """Test a source of a chassis or of power equipment.

        :param kind: option that selects the unit.
        :param unit: value of this option.
        """
        name = sections.make_name(
            self.name, unit, candidate.source if overlaps else ''
        )
        options = {
            kind: unit,
            'source': candidate.source,
            'channels': candidate.channels or None,
            'scope': SCOPES.get(candidate.source),
            # A PDU measures other machines.
            'metered_host': self._host if kind == 'chassis' else None,
        }
        return self._tester.test(
            f'Redfish {self.url}, {kind} {unit}, {candidate.source}',
            self._section(
                name, dict.fromkeys(candidate.channels or ['']), options
            ),
            ACCURACY,
            *candidate.remarks,
            overlaps=overlaps,
        )

    def _section(
        self,
        name: str,
        channels: collections.abc.Mapping[str, str | None],
        options: collections.abc.Mapping[str, object],
    ) -> sections.Section:
        return sections.Section.create(
            name,
            'redfish',
            channels,
            {**self._options, **options},
            self._secrets,
        )


def discover(
    tester: section_tester.SectionTester,
    options: collections.abc.Mapping[str, object],
    secrets: collections.abc.Mapping[str, str],
    name: str = '',
) -> collections.abc.Iterator[finding.Finding]:
    """Find power equipment and chassis that report power.

    :param name: the operator's name of the controller, if any.
    """
    controller = Controller(tester, options, secrets, name)
    device = f'Redfish {controller.url}'
    is_empty = True
    try:
        for each in _discover_all(controller):
            is_empty = False
            yield each
    except exception.DriverError as e:
        yield finding.Finding(device, (str(e), *_advice(e)))
        return
    if is_empty:
        yield finding.Finding(
            device,
            (
                'no chassis reports power in EnvironmentMetrics, '
                'PowerControl, power supplies or sensors, and no power '
                'equipment does. Machines without PMBus have no power '
                'values; meter them at the outlet',
            ),
        )


def _discover_all(
    controller: Controller,
) -> collections.abc.Iterator[finding.Finding]:
    connected = controller.connect()
    try:
        resources = snapshot.Snapshot(connected)
        metered: dict[str, str | None] = {}
        for name, path in equipment.find(resources).items():
            unit = resources.get(path)
            first = None
            for candidate in _equipment_candidates(resources, unit):
                result = controller.test('equipment', name, candidate, first)
                first = first or result.section_name
                yield result
            metered |= dict.fromkeys(_linked_chassis(unit), first)
        for path in resources.chassis():
            yield from _discover_chassis(
                controller, resources, path, metered.get(path)
            )
    finally:
        connected.close()


def _advice(error: exception.DriverError) -> tuple[str, ...]:
    if isinstance(error, exception.AuthenticationFailed):
        return ('check the user (--redfish-user) and the password',)
    if isinstance(error, exception.DeviceUnreachable):
        return (
            'check the URL, which must have the form https://HOST. For a '
            'certificate of a private authority, use --ca-file FILE; to '
            'disable verification, use --insecure',
        )
    return ()


def _discover_chassis(
    controller: Controller,
    resources: snapshot.Snapshot,
    path: str,
    first: str | None,
) -> collections.abc.Iterator[finding.Finding]:
    """Test the sources of a chassis.

    :param first: section that meters it already.
    """
    chassis = resources.get(path)
    chassis_id = service.resource_id(path)
    for candidate in _candidates(resources, chassis):
        result = controller.test('chassis', chassis_id, candidate, first)
        first = first or result.section_name
        yield result


def _equipment_candidates(
    resources: snapshot.Snapshot, unit: service.Resource
) -> collections.abc.Iterator[Candidate]:
    """Yield the sources of power equipment, beginning with its outlets."""
    for source, find in equipment.FINDERS.items():
        if channels := find(resources, unit, ()):
            is_whole = source == 'equipment'
            yield Candidate(source, () if is_whole else list(channels))


def _linked_chassis(unit: service.Resource) -> list[str]:
    """Return the paths of the chassis that contain power equipment."""
    links = unit.get('Links')
    chassis = links.get('Chassis') if isinstance(links, dict) else None
    return [
        path
        for each in (chassis if isinstance(chassis, list) else ())
        if (path := service.link({'': each}, '')) is not None
    ]


def _candidates(
    resources: snapshot.Snapshot,
    chassis: service.Resource,
) -> collections.abc.Iterator[Candidate]:
    """Yield the sources to test, beginning with the whole chassis."""

    def find(source: str, *names: str) -> list[str]:
        return list(sources.FINDERS[source](resources, chassis, names))

    is_empty = True
    if find('environment'):
        is_empty = False
        yield Candidate('environment', ())
    if entries := find('power-control', *ENTRIES):
        is_empty = False
        first, *parts = entries
        yield Candidate(
            'power-control',
            [first],
            ()
            if not parts
            else (
                f'PowerControl also has entries {", ".join(parts)}, which are '
                'usually parts of the first entry',
            ),
        )
    if supplies := find('power-supplies'):
        is_empty = False
        yield Candidate('power-supplies', supplies)
    if is_empty and (sensors := _power_sensors(resources, chassis)):
        yield Candidate(
            'sensors',
            sensors,
            (
                'some sensors may be part of others: remove those that are '
                'already included',
            ),
        )


def _power_sensors(
    resources: snapshot.Snapshot, chassis: service.Resource
) -> list[str]:
    path = service.link(chassis, 'Sensors')
    members = resources.members(path)[:MAX_SENSORS] if path else []
    return [
        service.resource_id(member)
        for member in members
        if _reading_type(resources, member) == 'Power'
    ]


def _reading_type(resources: snapshot.Snapshot, path: str) -> object:
    try:
        return resources.get(path).get('ReadingType')
    except service.NoSuchResource:
        return None
