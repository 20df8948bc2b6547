# SPDX-License-Identifier: Apache-2.0

"""Driver that reads a machine's power and energy from its BMC over IPMI."""

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

#: Creates a source that uses a session.
Factory = collections.abc.Callable[[ipmi_session.Session], S]


class Candidates(typing.NamedTuple):
    """Sources to try, in order of preference."""

    power: collections.abc.Sequence[Factory[sources.Source]] = ()
    energy: collections.abc.Sequence[Factory[sources.EnergyCounter]] = ()


#: Candidates by value of the ``source`` option.
CANDIDATES = {
    'auto': Candidates(
        [sources.DCMIPower, sensors.find_only], [sources.AEMEnergy]
    ),
    'dcmi': Candidates([sources.DCMIPower]),
    'sensor': Candidates([sensors.find_only]),
    'dell': Candidates([sources.DellPower], [sources.DellEnergy]),
    'aem': Candidates(energy=[sources.AEMEnergy]),
}

#: Candidates of ``source = auto`` for Dell's BMCs.
DELL = Candidates(
    [sources.DCMIPower, sources.DellPower, sensors.find_only],
    [sources.DellEnergy],
)


class Meter(typing.NamedTuple):
    """A probe and the sources of its power and energy."""

    probe: str
    power: sources.Source | None
    energy: sources.EnergyCounter | None = None

    def read(self) -> measurement.Reading | None:
        """Return a reading, or None if no value is available now."""
        watts = None if self.power is None else _try_read(self.power.read)
        ticks = None if self.energy is None else _try_read(self.energy.read)
        if watts is None and ticks is None:
            return None
        counter = None if self.energy is None else self.energy.counter
        return measurement.Reading(
            self.probe, watts, ticks, counter, monotonic=time.monotonic()
        )


def _try_read(read: collections.abc.Callable[[], T]) -> T | None:
    """Return a source's value, or None if the failure may be temporary."""
    try:
        return read()
    except ipmi_session.CommandFailed as e:
        if e.is_temporary:
            return None
        raise


class IPMI(base.Driver):
    """Driver for one BMC.

    It has one probe for the whole machine, or, with the ``sensor`` option,
    one probe for each sensor.
    """

    opts = (
        cfg.StrOpt(
            'host', required=True, help='Host name or IP address of the BMC.'
        ),
        cfg.PortOpt('port', default=623, help='UDP port of the BMC.'),
        cfg.StrOpt('username', default='', help='User name on the BMC.'),
        cfg.StrOpt(
            'password', default='', secret=True, help='Password of the user.'
        ),
        cfg.StrOpt(
            'kg',
            secret=True,
            help='BMC key (Kg), if one is configured on the BMC: text, or '
            'hexadecimal digits with the prefix 0x.',
        ),
        cfg.StrOpt(
            'privilege',
            choices=sorted(ipmi_session.PRIVILEGES),
            help='Privilege level to request. The default is administrator, '
            'or operator if the user does not have that level. Level user is '
            'enough for sensors, and on most machines for DCMI.',
        ),
        cfg.StrOpt(
            'source',
            default='auto',
            choices=[
                (
                    'auto',
                    'The sensors listed in the sensor option, if set. '
                    'Otherwise power comes from DCMI, Dell commands or the '
                    'only Watts sensor, whichever returns a value first, and '
                    'energy from the Dell or AEM counter, if available.',
                ),
                ('dcmi', 'DCMI Get Power Reading command.'),
                (
                    'sensor',
                    'The sensors listed in the sensor option, or the only '
                    'Watts sensor.',
                ),
                ('dell', 'Dell commands for power and cumulative energy.'),
                (
                    'aem',
                    'Energy counter of Active Energy Manager (IBM and '
                    'Lenovo).',
                ),
            ],
            help='Source of power and energy values.',
        ),
        cfg.ListOpt(
            'sensor',
            help='Names of the Watts sensors to read, one for each probe, in '
            'the order of probes.',
        ),
        cfg.FloatOpt(
            'timeout',
            default=5.0,
            min=0.1,
            max=30.0,
            help='Maximum time in seconds to wait for a response.',
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
                    reason='energy = counter, but the BMC has no energy '
                    'counter',
                )
            LOG.info(
                '%s: probe %s: power source: %s, energy source: %s',
                self._session.device,
                meter.probe,
                meter.power.name if meter.power else 'energy counter',
                meter.energy.name if meter.energy else 'integrated power',
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
                reason='a BMC has one probe; for several probes, set the '
                'sensor option to one sensor for each'
            )
        return [self._machine_meter(probes[0])]

    def _sensor_meters(self, names: list[str]) -> list[Meter]:
        if len(names) != len(self.probes):
            raise exception.DriverError(
                reason=f'sensor lists {len(names)} sensors for '
                f'{len(self.probes)} probes; expected one for each probe'
            )
        power_sensors = sensors.find(self._session)
        return [
            Meter(probe, sensors.select(self._session, power_sensors, name))
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
        reasons: list[str] = []
        energy = (
            None
            if self.options.energy == 'integrate'
            else self._select(candidates.energy, reasons)
        )
        power = self._select(candidates.power, reasons)
        if power is None and energy is None:
            raise exception.ProtocolError(
                device=self._session.device,
                reason=f'no power source available ({"; ".join(reasons)})',
            )
        return Meter(probe, power, energy)

    def _select(
        self,
        candidates: collections.abc.Sequence[Factory[S]],
        reasons: list[str],
    ) -> S | None:
        """Return the first source that has a value now.

        If none has one, return the first source that the BMC supports.

        :param reasons: list to which the reasons for rejecting candidates
            are appended.
        """
        existing: S | None = None
        for factory in candidates:
            try:
                source = factory(self._session)
                if source.read() is not None:
                    return source
            except exception.ProtocolError as e:
                if isinstance(e, ipmi_session.CommandFailed) and e.is_busy:
                    raise
                reasons.append(str(e.values['reason']))
            else:
                existing = existing or source
        return existing
