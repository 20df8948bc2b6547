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
from energy_meter.drivers.common import per_probe
from energy_meter.drivers.ipmi import listing
from energy_meter.drivers.ipmi import preference
from energy_meter.drivers.ipmi import session as ipmi_session
from energy_meter.drivers.ipmi import sources

LOG = logging.getLogger(__name__)

#: Sensor of Fujitsu's iRMC for the whole machine, beside "Total Power Out".
#: The iRMC shows the first as its chassis power over Redfish
#: (mrlhansen/idrac_exporter, issue 121).
FUJITSU_SENSOR = 'Total Power'

T = typing.TypeVar('T')


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
                    'only Watts sensor of the machine, whichever shows power '
                    'first, and energy from the Dell or AEM counter, if '
                    'available. While another power source than the first is '
                    'read, the driver compares them once a minute.',
                ),
                ('dcmi', 'DCMI Get Power Reading command.'),
                (
                    'sensor',
                    'The sensors listed in the sensor option, or the only '
                    'Watts sensor that does not measure a part of the '
                    'machine.',
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
        cfg.BoolOpt(
            'dcmi_ignore_state',
            default=False,
            help='Whether to use DCMI power above 0 W although the BMC '
            'reports that its power measurement is not active. Set it only '
            'if an external wattmeter confirms the value: some versions of '
            'OpenBMC never report it as active.',
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
        self._probe_reader = per_probe.ProbeReader(
            LOG,
            fatal=(
                exception.AuthenticationFailed,
                exception.DeviceUnreachable,
            ),
        )
        self._listing = listing.Listing(self._session)
        self._meters: dict[str, Meter] = {}

    def open(self) -> None:
        self._session.open()
        meters = self._find_meters()
        self._meters = {meter.probe: meter for meter in meters}
        for meter in meters:
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
        self._session.renew()
        yield from self._probe_reader.read(
            self._meters, lambda _probe, meter: meter.read()
        )

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
        meters = []
        for probe, name in zip(self.probes, names, strict=True):
            if probe is None:
                continue
            sensor = listing.ListedSensor(self._session, self._listing, name)
            sensor.find()
            meters.append(Meter(probe, sensor))
        return meters

    def _machine_meter(self, probe: str) -> Meter:
        source = self.options.source
        vendor = sources.DELL if source == 'dell' else 0
        if source == 'auto':
            vendor = sources.manufacturer(self._session)
        reasons: list[str] = []
        energy = (
            None
            if self.options.energy == 'integrate'
            else self._find_energy(vendor, reasons)
        )
        power = self._find_power(vendor, reasons)
        if power is None and energy is None:
            raise exception.ProtocolError(
                device=self._session.device,
                reason=f'no power source available ({"; ".join(reasons)})',
            )
        return Meter(probe, power, energy)

    def _find_power(
        self, vendor: int, reasons: list[str]
    ) -> preference.Preferred | None:
        """Return the power source, or None if the BMC has none.

        :param vendor: IANA enterprise number that selects the commands.
        :param reasons: list to which the reason is appended if there is none.
        """
        source = self.options.source
        session = self._session
        candidates: list[sources.Source] = []
        if source in ('auto', 'dcmi'):
            candidates.append(
                sources.DCMIPower(session, self.options.dcmi_ignore_state)
            )
        if vendor == sources.DELL:
            candidates.append(sources.DellPower(session))
        if vendor == sources.FUJITSU:
            candidates.append(
                listing.ListedSensor(session, self._listing, FUJITSU_SENSOR)
            )
        if source in ('auto', 'sensor'):
            candidates.append(listing.ListedSensor(session, self._listing))
        if not candidates:
            return None
        power = preference.Preferred(session, candidates)
        return power if _is_supported(power.select, reasons) else None

    def _find_energy(
        self, vendor: int, reasons: list[str]
    ) -> sources.EnergyCounter | None:
        """Return the energy counter, or None if the BMC has none.

        The parameters are those of :meth:`_find_power`.
        """
        energy: sources.EnergyCounter
        if vendor == sources.DELL:
            energy = sources.DellEnergy(self._session)
        elif self.options.source in ('auto', 'aem'):
            energy = sources.AEMEnergy(self._session)
        else:
            return None
        return energy if _is_supported(energy.read, reasons) else None


def _is_supported(
    attempt: collections.abc.Callable[[], object], reasons: list[str]
) -> bool:
    """Return whether an attempt succeeds.

    :param reasons: list to which the reason of a failure is appended.
    :raises CommandFailed: if the BMC is busy.
    """
    try:
        attempt()
    except exception.ProtocolError as e:
        if isinstance(e, ipmi_session.CommandFailed) and e.is_busy:
            raise
        reasons.append(str(e.values['reason']))
        return False
    return True
