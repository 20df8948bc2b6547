# SPDX-License-Identifier: Apache-2.0

"""IPMI commands for a machine's power and energy.

References: for DCMI, the DCMI specification 1.5, section 6.6.1; for Dell,
ipmi_delloem.c in ipmitool; for the Active Energy Manager of IBM and Lenovo,
oem/lenovo/energy.py in pyghmi.
"""

import abc
import struct
import typing

from energy_meter import exception
from energy_meter import measurement
from energy_meter.drivers.ipmi import session as ipmi_session

#: IANA enterprise number of Dell. On BMCs of other vendors, Dell's OEM
#: commands have other meanings.
DELL = 674

#: IANA enterprise number of Fujitsu (iRMC).
FUJITSU = 10368

#: 16-bit value that firmware returns if the power is unavailable.
_UNAVAILABLE = 0xFFFF


def manufacturer(session: ipmi_session.Session) -> int:
    """Return the IANA enterprise number of the BMC's manufacturer."""
    return int.from_bytes(session.request(0x06, 0x01)[6:9], 'little')


class Source(abc.ABC):
    """A command that returns a BMC's power.

    :ivar name: name of the source for log messages.
    """

    name: str

    def __init__(self, session: ipmi_session.Session) -> None:
        self._session = session

    @abc.abstractmethod
    def read(self) -> float | None:
        """Return the power in watts, or None while it is unavailable.

        :raises CommandFailed: if the BMC does not support the command.
        """

    def _request(
        self,
        layout: str,
        netfn: int,
        command: int,
        data: bytes = b'',
        lun: int = 0,
    ) -> tuple[typing.Any, ...]:
        """Send a command and unpack the first bytes of the response."""
        response = self._session.request(netfn, command, data, lun)
        expected = struct.calcsize(layout)
        if len(response) < expected:
            raise exception.ProtocolError(
                device=self._session.device,
                reason=f'{self.name}: response has {len(response)} bytes, '
                f'expected {expected}',
            )
        return struct.unpack_from(layout, response)


class EnergyCounter(Source):
    """A command that returns a BMC's energy counter.

    :cvar counter: tick size and rollover of the counter.
    """

    counter: typing.ClassVar[measurement.Counter]

    @abc.abstractmethod
    def read(self) -> int:
        """Return the counter in ticks."""


class DCMIPower(Source):
    """DCMI Get Power Reading.

    :param ignore_state: whether to use a power above 0 W although the BMC
        reports that its power measurement is not active.
    """

    name = 'DCMI'

    def __init__(
        self, session: ipmi_session.Session, ignore_state: bool = False
    ) -> None:
        super().__init__(session)
        self._ignore_state = ignore_state

    def read(self) -> int | None:
        watts: int
        watts, state = self._request(
            '<xH14xB', 0x2C, 0x02, b'\xdc\x01\x00\x00'
        )
        is_valid = state & 0x40 or (self._ignore_state and watts)
        return watts if is_valid and watts != _UNAVAILABLE else None


class DellPower(Source):
    """Power of iDRAC6 and later."""

    name = 'Dell power'

    def read(self) -> int | None:
        (watts,) = self._request('<H', 0x30, 0xB3, b'\x0a\x00')
        return None if watts == _UNAVAILABLE else watts


class DellEnergy(EnergyCounter):
    """Cumulative watt-hours of iDRAC6 and later."""

    name = 'Dell energy'
    counter = measurement.Counter(joules_per_tick=3600.0, rollover=2**32)

    def read(self) -> int:
        watt_hours: int
        (watt_hours,) = self._request('<4xI', 0x30, 0x9C, b'\x07\x01')
        return watt_hours


class AEMEnergy(EnergyCounter):
    """Millijoules on the AC side of the power supplies, or on the DC side."""

    name = 'AEM energy'
    counter = measurement.Counter(joules_per_tick=0.001, rollover=2**64)

    #: IANA enterprise numbers of the two vendors, in wire order.
    _LENOVO, _IBM = b'\x66\x4a\x00', b'\x4d\x4f\x00'
    _VERSIONS = (b'\x02\x01', b'\x02\x06', b'\x02\x09')
    _AC, _DC = b'\x01\x82\x01\x08', b'\x01\x82\x00\x08'

    def __init__(self, session: ipmi_session.Session) -> None:
        super().__init__(session)
        self._data = b''

    def read(self) -> int:
        if not self._data:
            self._data = self._find()
        return self._millijoules(self._data)

    def _millijoules(self, data: bytes) -> int:
        millijoules: int
        (millijoules,) = self._request('>3xQ', 0x2E, 0x81, data)
        return millijoules

    def _find(self) -> bytes:
        """Return the request data for the AC meter, or for the DC meter."""
        module = self._module()
        try:
            self._millijoules(module + self._AC)
        except ipmi_session.CommandFailed as e:
            if e.code != 0xCB:
                raise
            return module + self._DC
        return module + self._AC

    def _module(self) -> bytes:
        """Return vendor and handle of the firmware's metering module."""
        try:
            return self._module_of(self._LENOVO)
        except ipmi_session.CommandFailed as e:
            if e.code != 0xC1:
                raise
        return self._module_of(self._IBM)

    def _module_of(self, vendor: bytes) -> bytes:
        version: bytes
        handle: bytes
        version, handle = self._request(
            '4x2sc', 0x2E, 0x82, vendor + b'\x00\x00\x01'
        )
        if version not in self._VERSIONS:
            raise exception.ProtocolError(
                device=self._session.device,
                reason=f'{self.name}: unsupported version {version.hex(".")}',
            )
        return vendor + handle
