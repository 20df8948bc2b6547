# SPDX-License-Identifier: Apache-2.0

"""A management controller, by Redfish."""

import collections.abc
import types
import typing
import urllib.parse

from energy_meter import exception
from energy_meter.discover import finding
from energy_meter.discover import section as sections
from energy_meter.discover import trial as trials
from energy_meter.drivers.redfish import places
from energy_meter.drivers.redfish import service

ACCURACY = 'not stated'

#: Entries of PowerControl to look for, by their index.
ENTRIES = tuple(map(str, range(16)))

#: More sensors than this take too long to ask one by one.
MOST_SENSORS = 200


#: Scopes of what is not the whole chassis.
SCOPES = {'power-supplies': 'psu', 'sensors': 'other'}


class Choice(typing.NamedTuple):
    """A way to meter a chassis.

    :ivar outlets: names of the option ``outlets``; none for the whole.
    """

    source: str
    outlets: collections.abc.Sequence[str]
    remarks: tuple[str, ...] = ()


class Controller:
    """A service, and how its sections begin.

    :param options: options of the driver.
    :param secrets: those of its options that are secret.
    """

    def __init__(
        self,
        trial: trials.Trial,
        options: collections.abc.Mapping[str, object],
        secrets: collections.abc.Mapping[str, str],
    ) -> None:
        self.url = str(options['url'])
        self._trial = trial
        self._options = options
        self._secrets = secrets
        host = urllib.parse.urlsplit(self.url).netloc.rpartition('@')[2]
        self.name = sections.name_of('redfish', host)

    def connect(self) -> service.Service:
        loaded = trials.load(self._section(self.name, {'': None}, {}))
        return service.Service(types.SimpleNamespace(**loaded.options))

    def attempt(
        self, chassis: str, choice: Choice, overlaps: str | None
    ) -> finding.Finding:
        """Try whether a chassis can be metered so."""
        name = sections.name_of(
            self.name, chassis, choice.source if overlaps else ''
        )
        options = {
            'chassis': chassis,
            'source': choice.source,
            'outlets': choice.outlets or None,
            'scope': SCOPES.get(choice.source),
        }
        return self._trial.attempt(
            f'Redfish {self.url}, chassis {chassis}, {choice.source}',
            self._section(
                name, dict.fromkeys(choice.outlets or ['']), options
            ),
            ACCURACY,
            *choice.remarks,
            overlaps=overlaps,
        )

    def _section(
        self,
        name: str,
        outlets: collections.abc.Mapping[str, str | None],
        options: collections.abc.Mapping[str, object],
    ) -> sections.Section:
        return sections.Section.of(
            name,
            'redfish',
            outlets,
            {**self._options, **options},
            self._secrets,
        )


def look(
    trial: trials.Trial,
    options: collections.abc.Mapping[str, object],
    secrets: collections.abc.Mapping[str, str],
) -> collections.abc.Iterator[finding.Finding]:
    """Look for chassis that show their power."""
    controller = Controller(trial, options, secrets)
    what = f'Redfish {controller.url}'
    empty = True
    try:
        for found in _look(controller):
            empty = False
            yield found
    except exception.DriverError as e:
        yield finding.Finding(what, (str(e), *_advice(e)))
        return
    if empty:
        yield finding.Finding(
            what,
            (
                'none of its chassis shows power: no EnvironmentMetrics, '
                'PowerControl, power supply or sensor has watts. Machines '
                'without PMBus have none; meter them at the outlet',
            ),
        )


def _look(
    controller: Controller,
) -> collections.abc.Iterator[finding.Finding]:
    connected = controller.connect()
    try:
        for path in connected.chassis():
            yield from _chassis(controller, connected, path)
    finally:
        connected.close()


def _advice(error: exception.DriverError) -> tuple[str, ...]:
    if isinstance(error, exception.AuthenticationFailed):
        return ('is it the right user (--redfish-user)?',)
    if isinstance(error, exception.DeviceUnreachable):
        return (
            'a URL is https://HOST; a certificate that nobody vouches '
            'for needs --ca-file FILE, or --insecure',
        )
    return ()


def _chassis(
    controller: Controller,
    connected: service.Service,
    path: str,
) -> collections.abc.Iterator[finding.Finding]:
    chassis = connected.get(path)
    name = service.last_word(path)
    first: str | None = None
    for choice in _choices(connected, chassis):
        found = controller.attempt(name, choice, first)
        first = first or found.name
        yield found


def _choices(
    connected: service.Service,
    chassis: service.Resource,
) -> collections.abc.Iterator[Choice]:
    """Give the ways to try, those for the whole chassis first."""

    def points(source: str, *names: str) -> list[str]:
        return list(places.SOURCES[source](connected, chassis, names))

    empty = True
    if points('environment'):
        empty = False
        yield Choice('environment', ())
    if entries := points('power-control', *ENTRIES):
        empty = False
        first, *parts = entries
        yield Choice(
            'power-control',
            [first],
            ()
            if not parts
            else (
                f'PowerControl has {", ".join(parts)}, too, which as a rule are '
                'parts of the first',
            ),
        )
    if supplies := points('power-supplies'):
        empty = False
        yield Choice('power-supplies', supplies)
    if empty and (sensors := _power_sensors(connected, chassis)):
        yield Choice(
            'sensors',
            sensors,
            ('sensors may be parts of one another: keep those that are none',),
        )


def _power_sensors(
    connected: service.Service, chassis: service.Resource
) -> list[str]:
    path = service.link(chassis, 'Sensors')
    members = connected.members(path)[:MOST_SENSORS] if path else []
    return [
        service.last_word(member)
        for member in members
        if _kind(connected, member) == 'Power'
    ]


def _kind(connected: service.Service, path: str) -> typing.Any:
    try:
        return connected.get(path).get('ReadingType')
    except service.NoSuchResource:
        return None
