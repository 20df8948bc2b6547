# SPDX-License-Identifier: Apache-2.0

"""Discovery of chassis over Redfish."""

import collections.abc
import types
import typing
import urllib.parse

from energy_meter import exception
from energy_meter.discover import finding
from energy_meter.discover import section as sections
from energy_meter.discover import section_tester
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
    """Source of a chassis that may provide power.

    :ivar source: value of the ``source`` option.
    :ivar channels: value of the ``channels`` option; empty for the whole
        chassis.
    """

    source: str
    channels: collections.abc.Sequence[str]
    remarks: tuple[str, ...] = ()


class Controller:
    """Management controller, with the common options of its sections.

    :param options: options of the driver.
    :param secrets: secret options of the driver.
    """

    def __init__(
        self,
        tester: section_tester.SectionTester,
        options: collections.abc.Mapping[str, object],
        secrets: collections.abc.Mapping[str, str],
    ) -> None:
        self.url = str(options['url'])
        self._tester = tester
        self._options = options
        self._secrets = secrets
        host = urllib.parse.urlsplit(self.url).netloc.rpartition('@')[2]
        self.name = sections.make_name('redfish', host)

    def connect(self) -> service.Service:
        """Return the service of the controller.

        :raises DriverError: if an option is invalid.
        """
        loaded = section_tester.load(self._section(self.name, {'': None}, {}))
        return service.Service(types.SimpleNamespace(**loaded.options))

    def test(
        self, chassis: str, candidate: Candidate, overlaps: str | None
    ) -> finding.Finding:
        """Test a source of a chassis."""
        name = sections.make_name(
            self.name, chassis, candidate.source if overlaps else ''
        )
        options = {
            'chassis': chassis,
            'source': candidate.source,
            'channels': candidate.channels or None,
            'scope': SCOPES.get(candidate.source),
        }
        return self._tester.test(
            f'Redfish {self.url}, chassis {chassis}, {candidate.source}',
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
) -> collections.abc.Iterator[finding.Finding]:
    """Find chassis that report power."""
    controller = Controller(tester, options, secrets)
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
                'PowerControl, power supplies or sensors. Machines without '
                'PMBus have no power values; meter them at the outlet',
            ),
        )


def _discover_all(
    controller: Controller,
) -> collections.abc.Iterator[finding.Finding]:
    connected = controller.connect()
    try:
        resources = snapshot.Snapshot(connected)
        for path in resources.chassis():
            yield from _discover_chassis(controller, resources, path)
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
) -> collections.abc.Iterator[finding.Finding]:
    chassis = resources.get(path)
    chassis_id = service.resource_id(path)
    first: str | None = None
    for candidate in _candidates(resources, chassis):
        result = controller.test(chassis_id, candidate, first)
        first = first or result.section_name
        yield result


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
