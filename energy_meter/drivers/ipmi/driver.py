# SPDX-License-Identifier: Apache-2.0

"""Power and energy of a machine from its BMC, by IPMI over LAN."""

import collections.abc
import logging
import time
import typing

from oslo_config import cfg

from energy_meter import exception
from energy_meter import measurement
from energy_meter.drivers import base
from energy_meter.drivers.ipmi import sensors
from energy_meter.drivers.ipmi import session as ipmi_session
from energy_meter.drivers.ipmi import sources

LOG = logging.getLogger(__name__)

T = typing.TypeVar('T')
S = typing.TypeVar('S', bound=sources.Source)

#: Makes a source for a session.
Factory = collections.abc.Callable[[ipmi_session.Session], S]


class Candidates(typing.NamedTuple):
    """Which sources are tried, in this order."""

    power: collections.abc.Sequence[Factory[sources.Source]] = ()
    energy: collections.abc.Sequence[Factory[sources.EnergyCounter]] = ()


#: By the value of the option ``source``.
CANDIDATES = {
    'auto': Candidates([sources.DCMIPower, sensors.only], [sources.AEMEnergy]),
    'dcmi': Candidates([sources.DCMIPower]),
    'sensor': Candidates([sensors.only]),
    'dell': Candidates([sources.DellPower], [sources.DellEnergy]),
    'aem': Candidates(energy=[sources.AEMEnergy]),
}

#: What auto means for a BMC of Dell's.
DELL = Candidates(
    [sources.DCMIPower, sources.DellPower, sensors.only], [sources.DellEnergy]
)


class Meter(typing.NamedTuple):
    """How one probe is read."""

    probe: str
    power: sources.Source | None
    energy: sources.EnergyCounter | None = None

    def read(self) -> measurement.Reading | None:
        watts = None if self.power is None else _now(self.power.read)
        ticks = None if self.energy is None else _now(self.energy.read)
        if watts is None and ticks is None:
            return None
        counter = None if self.energy is None else self.energy.counter
        return measurement.Reading(
            self.probe, watts, ticks, counter, at=time.monotonic()
        )


def _now(read: collections.abc.Callable[[], T]) -> T | None:
    """Read what could be read before; None if the BMC can't do so now."""
    try:
        return read()
    except ipmi_session.CommandRefused as e:
        if e.passing:
            return None
        raise


class IPMI(base.PolledDriver):
    """Reads one BMC.

    Its probe is the whole machine, or with the option ``sensor`` each probe
    is a sensor.
    """

    opts = (
        cfg.StrOpt('host', required=True, help='Name or address of the BMC.'),
        cfg.PortOpt('port', default=623, help='UDP port of the BMC.'),
        cfg.StrOpt('username', default='', help='User of the BMC.'),
        cfg.StrOpt(
            'password', default='', secret=True, help='Password of this user.'
        ),
        cfg.StrOpt(
            'kg',
            secret=True,
            help='Key of the BMC (Kg), where it has one: as text, or '
            'as hexadecimal digits after 0x.',
        ),
        cfg.StrOpt(
            'privilege',
            choices=sorted(ipmi_session.PRIVILEGES),
            help='Privilege level that is asked for. The default is '
            'administrator, or operator if the user has no '
            'more; user is enough for sensors, and for DCMI on '
            'most machines.',
        ),
        cfg.StrOpt(
            'source',
            default='auto',
            choices=[
                (
                    'auto',
                    'What the option sensor names; else DCMI, Dell, or the '
                    'only Watts sensor, whichever shows a power first, and '
                    "Dell's or AEM's energy counter where there is one.",
                ),
                ('dcmi', 'DCMI Get Power Reading.'),
                (
                    'sensor',
                    'The sensors that the option sensor names, or the '
                    'only Watts sensor.',
                ),
                ('dell', "Dell's commands for power and cumulative energy."),
                (
                    'aem',
                    'The energy counter of Active Energy Manager, IBM and '
                    'Lenovo.',
                ),
            ],
            help='Where power and energy come from.',
        ),
        cfg.ListOpt(
            'sensor',
            help='Name of the Watts sensor to read; with several '
            'probes one for each, in their order.',
        ),
        cfg.FloatOpt(
            'timeout',
            default=5.0,
            min=0.1,
            max=30.0,
            help='Seconds in which the BMC must answer.',
        ),
    )

    def __init__(
        self, options: typing.Any, probes: collections.abc.Sequence[str | None]
    ) -> None:
        super().__init__(options, probes)
        self._session = ipmi_session.Session(
            options.host,
            options.port,
            options.username,
            options.password,
            options.kg,
            options.privilege,
            options.timeout,
        )
        self._meters: list[Meter] = []

    def open(self) -> None:
        self._session.open()
        self._meters = self._find_meters()
        for meter in self._meters:
            if meter.energy is None and self.options.energy == 'counter':
                raise exception.ProtocolError(
                    device=self._session.device,
                    reason='energy = counter, but no energy counter found',
                )
            LOG.info(
                '%s: power of %s from %s, energy from %s',
                self._session.device,
                meter.probe,
                meter.power.name if meter.power else 'its energy',
                meter.energy.name if meter.energy else 'its power',
            )

    def close(self) -> None:
        self._session.close()

    def read(self) -> collections.abc.Iterable[measurement.Reading]:
        for meter in self._meters:
            reading = meter.read()
            if reading is not None:
                yield reading

    def _find_meters(self) -> list[Meter]:
        if self.options.sensor and self.options.source in ('auto', 'sensor'):
            return self._sensor_meters(self.options.sensor)
        probes = [probe for probe in self.probes if probe is not None]
        if len(probes) != 1:
            raise exception.DriverError(
                reason='a machine is one probe: for several probes, name a '
                'sensor for each with the option sensor'
            )
        return [self._machine_meter(probes[0])]

    def _sensor_meters(self, names: list[str]) -> list[Meter]:
        if len(names) != len(self.probes):
            raise exception.DriverError(
                reason=f'sensor names {len(names)} sensors for '
                f'{len(self.probes)} probes: expected one for each'
            )
        found = sensors.find(self._session)
        return [
            Meter(probe, sensors.choose(self._session, found, name))
            for probe, name in zip(self.probes, names, strict=True)
            if probe is not None
        ]

    def _machine_meter(self, probe: str) -> Meter:
        source = self.options.source
        candidates = CANDIDATES[source]
        if (
            source == 'auto'
            and sources.manufacturer(self._session) == sources.DELL
        ):
            candidates = DELL
        refusals: list[str] = []
        energy = (
            None
            if self.options.energy == 'integrate'
            else self._first(candidates.energy, refusals)
        )
        power = self._first(candidates.power, refusals)
        if power is None and energy is None:
            raise exception.ProtocolError(
                device=self._session.device,
                reason=f'no power found ({"; ".join(refusals)})',
            )
        return Meter(probe, power, energy)

    def _first(
        self,
        candidates: collections.abc.Sequence[Factory[S]],
        refusals: list[str],
    ) -> S | None:
        """Choose the first source that shows a value.

        If there is none, the first that does at least exist.

        :param refusals: takes the reasons of the others.
        """
        existing: S | None = None
        for factory in candidates:
            try:
                source = factory(self._session)
                if source.read() is not None:
                    return source
            except exception.ProtocolError as e:
                if isinstance(e, ipmi_session.CommandRefused) and e.busy:
                    raise
                refusals.append(str(e.values['reason']))
            else:
                existing = existing or source
        return existing
