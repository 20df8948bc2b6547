# SPDX-License-Identifier: Apache-2.0

"""Driver for the UPSes of one upsd, and for their outlets.

Source of the variables: the chapter "NUT command and variable naming scheme"
of the developer guide of Network UPS Tools.
"""

import collections.abc
import re
import typing

from oslo_config import cfg
from oslo_log import log as logging

from energy_meter import exception
from energy_meter import measurement
from energy_meter.drivers import base
from energy_meter.drivers.common import per_probe
from energy_meter.drivers.common import sysfs
from energy_meter.drivers.common import units
from energy_meter.drivers.nut import session

LOG = logging.getLogger(__name__)


class Channel(typing.NamedTuple):
    """A UPS, or one of its outlets.

    :ivar ups: name of the UPS in ``ups.conf``.
    :ivar outlet: number of the outlet; None for the whole UPS.
    """

    ups: str
    outlet: str | None

    @classmethod
    def parse(cls, text: str) -> typing.Self:
        """Return the channel of ``NAME`` or ``NAME:N``.

        :raises DriverError: if it is neither.
        """
        match = re.fullmatch(r'([^\s":\\]+)(?::([1-9][0-9]*))?', text)
        if match is None:
            raise exception.InvalidOption(
                option='channels',
                reason=f'{text!r}: expected the name of a UPS, or NAME:N for '
                'its outlet N',
            )
        return cls(match[1], match[2])

    def variable(self, quantity: str) -> str:
        """Return the name of the variable of a quantity.

        :param quantity: ``realpower``, ``power``, ``voltage`` or ``current``.
        """
        if self.outlet is not None:
            return f'outlet.{self.outlet}.{quantity}'
        group = 'ups' if quantity in ('realpower', 'power') else 'output'
        return f'{group}.{quantity}'


class NUT(base.Driver):
    """Reads the UPSes of one upsd."""

    scope = 'ups'
    opts = (
        cfg.StrOpt('host', required=True, help='Host of upsd.'),
        cfg.PortOpt('port', default=3493, help='Port of upsd.'),
        cfg.ListOpt(
            'channels',
            default=[],
            help='Name of the UPS of each probe, in the order of the probes; '
            'NAME:N for its outlet N. The default is all UPSes of upsd, in '
            'its order.',
        ),
        cfg.FloatOpt(
            'power_factor',
            min=0.01,
            max=1.0,
            help='Power factor of the load, to estimate the power of a UPS '
            'that reports only volt-amperes. Without it, such a UPS has no '
            'readings.',
        ),
        cfg.StrOpt('username', help='User name in upsd.users.'),
        cfg.StrOpt('password', secret=True, help='Password of the user.'),
        cfg.BoolOpt(
            'tls', default=False, help='Encrypt the connection with STARTTLS.'
        ),
        cfg.StrOpt(
            'ca_file',
            help='File with the CA certificates to trust instead of the '
            'default ones.',
        ),
        cfg.FloatOpt(
            'timeout',
            default=5.0,
            min=0.1,
            help='Maximum time in seconds to wait for a response.',
        ),
    )

    def __init__(
        self, options: typing.Any, probes: collections.abc.Sequence[str | None]
    ) -> None:
        super().__init__(options, probes)
        self._session = session.Session(options)
        self._names: list[str] = []
        self._channels: dict[str, Channel] = {}
        self._probe_reader = per_probe.ProbeReader(LOG)
        self._sources: dict[str, str] = {}

    @classmethod
    def scope_of(cls, options: typing.Any) -> str:
        channels = [Channel.parse(text) for text in options.channels]
        outlets = [channel for channel in channels if channel.outlet]
        if not outlets:
            return cls.scope
        if len(outlets) < len(channels):
            raise exception.InvalidOption(
                option='channels',
                reason='expected either UPSes or outlets, because a UPS '
                'measures its outlets as well; use two wattmeters',
            )
        return 'outlet'

    def open(self) -> None:
        self.scope_of(self.options)
        self._session.open()
        self._names = self.options.channels or self._session.ups_names()
        channels = {name: Channel.parse(name) for name in self._names}
        self._channels = sysfs.assign(
            f'upsd at {self._session.name}', channels, self.probes
        )

    def channels(self) -> collections.abc.Sequence[base.Channel]:
        return base.number(self._names)

    def close(self) -> None:
        self._session.close()

    def read(self) -> collections.abc.Iterable[measurement.Reading]:
        self._session.open()
        return self._probe_reader.read(self._channels, self._read)

    def _read(self, probe: str, channel: Channel) -> measurement.Reading:
        variables = self._session.variables(channel.ups)
        if 'WAIT' in variables.get('ups.status', '').split():
            raise exception.DeviceUnreachable(
                device=self._name(channel),
                reason='its driver has no data (ups.status WAIT)',
            )
        values = {
            quantity: self._number(channel, quantity, variables)
            for quantity in ('realpower', 'power', 'voltage', 'current')
        }
        if channel.outlet is None and _has_three_phases(variables):
            values['voltage'] = values['current'] = None
        watts, source = values['realpower'], channel.variable('realpower')
        if watts is None:
            watts, source = self._estimate(channel, values)
        if self._sources.get(probe, channel.variable('realpower')) != source:
            LOG.warning('probe %s: its power is %s', probe, source)
        self._sources[probe] = source
        return measurement.Reading(
            probe, watts, volts=values['voltage'], amperes=values['current']
        )

    def _number(
        self,
        channel: Channel,
        quantity: str,
        variables: collections.abc.Mapping[str, str],
    ) -> float | None:
        """Return the value of a variable; None if it does not exist.

        :raises ProtocolError: if it is not a number.
        """
        name = channel.variable(quantity)
        text = variables.get(name)
        value = units.number(text)
        if text is not None and value is None:
            raise exception.ProtocolError(
                device=self._name(channel),
                reason=f'{name}: {text[:40]!r} is not a number',
            )
        return value

    def _estimate(
        self,
        channel: Channel,
        values: collections.abc.Mapping[str, float | None],
    ) -> tuple[float, str]:
        """Return the power in watts that follows from the volt-amperes.

        :returns: the power, and a description of the estimate.
        :raises ProtocolError: if the operator did not set the power factor,
            or the UPS reports neither watts nor volt-amperes.
        """
        voltamperes, source = values['power'], channel.variable('power')
        volts, amperes = values['voltage'], values['current']
        if voltamperes is None and volts is not None and amperes is not None:
            voltamperes = volts * amperes
            names = map(channel.variable, ('voltage', 'current'))
            source = ' x '.join(names)
        factor = self.options.power_factor
        if voltamperes is not None and factor is not None:
            description = f'{source} x power_factor {factor:g}, an estimate'
            return voltamperes * factor, description
        advice = f'set power_factor to estimate it from {source}'
        raise exception.ProtocolError(
            device=self._name(channel),
            reason=f'no {channel.variable("realpower")}; '
            + ('no volt-amperes' if voltamperes is None else advice),
        )

    def _name(self, channel: Channel) -> str:
        return f'{channel.ups}@{self._session.name}'


def _has_three_phases(variables: collections.abc.Mapping[str, str]) -> bool:
    """Return whether ``output.current`` is not the current of all phases."""
    return (units.number(variables.get('output.phases')) or 1) > 1
