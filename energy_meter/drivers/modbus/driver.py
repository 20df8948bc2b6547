# SPDX-License-Identifier: Apache-2.0

"""Driver for meters that speak Modbus TCP or Modbus RTU.

One section describes one connection or serial line; each unit is a probe.
"""

import collections.abc
import time
import typing

from oslo_config import cfg
from oslo_config import types
from oslo_log import log as logging

from energy_meter import exception
from energy_meter import log_throttle
from energy_meter import measurement
from energy_meter.drivers import base
from energy_meter.drivers.common import per_probe
from energy_meter.drivers.modbus import line
from energy_meter.drivers.modbus import registermap

LOG = logging.getLogger(__name__)

#: Backoff after a timeout of a unit. It doubles up to the maximum, because
#: each timeout delays the other units on the line.
INITIAL_BACKOFF_S = 1.0
MAX_BACKOFF_S = 60.0


class _Unit:
    """One meter on the line.

    :ivar failure: reason for the last failure, None after a success.
    """

    __slots__ = ('_backoff_s', '_retry_at', 'failure', 'id', 'map')

    def __init__(self, unit: int, registers: registermap.Map) -> None:
        self.id = unit
        self.map = registers
        self.record_success()

    def record_success(self) -> None:
        """Reset the backoff."""
        self.failure: str | None = None
        self._backoff_s, self._retry_at = INITIAL_BACKOFF_S, 0.0

    def record_failure(self, reason: object) -> None:
        """Back off from the unit, each time for twice as long."""
        self.failure = str(reason)
        self._retry_at = time.monotonic() + self._backoff_s
        self._backoff_s = min(2 * self._backoff_s, MAX_BACKOFF_S)

    @property
    def is_backing_off(self) -> bool:
        """Whether it is too early to read the unit again."""
        return time.monotonic() < self._retry_at


class Modbus(base.Driver):
    """Driver for the units of one Modbus connection or serial line."""

    scope = 'circuit'
    opts = (
        cfg.ListOpt(
            'map',
            required=True,
            help='Register maps: one name for all units, or one name for '
            'each unit, in the order of units. Included maps: '
            f'{", ".join(registermap.included())}. The name custom stands for '
            'the map in the registers option.',
        ),
        cfg.StrOpt(
            'map_path',
            default='/etc/energy_meter/modbus.d',
            help='Directory with additional register maps, NAME.yaml each.',
        ),
        cfg.StrOpt(
            'registers', help='Register map in YAML, for map = custom.'
        ),
        cfg.StrOpt(
            'host',
            help='Host name or IP address of a Modbus TCP meter or gateway.',
        ),
        cfg.PortOpt(
            'port', default=502, help='TCP port of the meter or gateway.'
        ),
        cfg.StrOpt(
            'framing',
            default='tcp',
            choices=[
                ('tcp', 'Modbus TCP.'),
                (
                    'rtu',
                    'RTU over TCP: the transparent mode of serial device '
                    'servers.',
                ),
            ],
            help='Frames on the connection to host.',
        ),
        cfg.StrOpt(
            'device',
            help='Serial device of a Modbus RTU line. Set either device or '
            'host.',
        ),
        cfg.IntOpt(
            'baudrate',
            default=9600,
            min=300,
            help='Bits per second on the serial line.',
        ),
        cfg.StrOpt(
            'parity',
            default='none',
            choices=['none', 'even', 'odd'],
            help='Parity on the serial line.',
        ),
        cfg.IntOpt(
            'stopbits',
            default=1,
            min=1,
            max=2,
            help='Stop bits on the serial line.',
        ),
        cfg.ListOpt(
            'units',
            default=[1],
            item_type=types.Integer(min=0, max=255),
            help='Unit IDs, one for each probe, in the order of probes.',
        ),
        cfg.FloatOpt(
            'timeout',
            default=2.0,
            min=0.01,
            help='Maximum time in seconds to wait for a response.',
        ),
    )

    def __init__(
        self, options: typing.Any, probes: collections.abc.Sequence[str | None]
    ) -> None:
        super().__init__(options, probes)
        self._line = line.Line(options)
        self._units: dict[str, _Unit] = {}
        self._probe_reader = per_probe.ProbeReader(LOG)
        self._throttled_log = log_throttle.ThrottledLogger(LOG)

    def open(self) -> None:
        options = self.options
        if bool(options.host) == bool(options.device):
            raise exception.DriverError(
                reason='expected either host for Modbus TCP or device for '
                'Modbus RTU'
            )
        maps = [
            registermap.load(name, options.map_path, options.registers)
            for name in options.map
        ]
        if len(maps) == 1:
            maps *= len(options.units)
        self._units = per_probe.assign(
            'units',
            [
                _Unit(unit, registers)
                for unit, registers in zip(options.units, maps, strict=False)
            ],
            self.probes,
        )
        # Different maps may read several channels of one unit.
        per_probe.check_distinct(
            'units',
            {
                probe: (unit.id, unit.map)
                for probe, unit in self._units.items()
            },
        )
        self._line.connect()

    def close(self) -> None:
        self._line.close()

    def read(self) -> collections.abc.Iterable[measurement.Reading]:
        self._line.connect()
        return self._probe_reader.read(self._units, self._read_unit)

    def _read_unit(
        self, probe: str, unit: _Unit
    ) -> measurement.Reading | None:
        if unit.failure is not None and unit.is_backing_off:
            raise self._line.unreachable(unit.id, unit.failure)
        try:
            raw = {
                quantity: self._line.read(unit.id, register)
                for quantity, register in unit.map._asdict().items()
                if register is not None
            }
        except exception.DeviceUnreachable as e:
            if self._line.is_connected:
                unit.record_failure(e.values['reason'])
            raise
        unit.record_success()
        return self._reading(probe, unit.map, raw)

    def _reading(
        self,
        probe: str,
        registers: registermap.Map,
        raw: dict[str, list[int]],
    ) -> measurement.Reading | None:
        """Return the reading of a unit, None if no value is valid.

        :param raw: 16-bit registers of each quantity.
        """
        values = {
            quantity: getattr(registers, quantity).value(raw[quantity])
            for quantity in raw
            if quantity != 'energy'
        }
        ticks = counter = None
        if registers.energy is not None:
            ticks = registers.energy.ticks(raw['energy'])
        if registers.energy is not None and ticks is not None:
            counter = registers.energy.counter(raw['energy'])
            values = self._without_negative(probe, values)
        elif values.get('watts') is None:
            return None
        return measurement.Reading(
            probe, ticks=ticks, counter=counter, **values
        )

    def _without_negative(
        self, probe: str, values: dict[str, float | None]
    ) -> dict[str, float | None]:
        """Omit negative values, for which the agent rejects a reading.

        The energy counter is valid even if the power is negative, because a
        current transformer is reversed.
        """
        negative = {
            quantity: value
            for quantity, value in values.items()
            if value is not None and value < 0
        }
        for quantity, value in negative.items():
            self._throttled_log.warning(
                f'{probe} {quantity}',
                'probe %s: %s is %g; it is omitted, but the energy is metered',
                probe,
                quantity,
                value,
            )
        return {**values, **dict.fromkeys(negative)}
