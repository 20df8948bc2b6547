# SPDX-License-Identifier: Apache-2.0

"""What a BMC may know about its machine's power, apart from sensors.

Commands and answers after: for DCMI, its specification 1.5, section 6.6.1;
for Dell, ipmitool's ipmi_delloem.c; for the Active Energy Manager of IBM and
Lenovo, pyghmi's oem/lenovo/energy.py.
"""

import abc
import struct
import typing

from energy_meter import exception
from energy_meter import measurement
from energy_meter.drivers.ipmi import session as ipmi_session

#: IANA number of Dell. Its commands mean other things to other makers' BMCs.
DELL = 674

#: What firmware shows in 16 bits for a power that it does not know.
_UNKNOWN = 0xFFFF


def manufacturer(session: ipmi_session.Session) -> int:
    """Give the IANA number of the BMC's maker."""
    return int.from_bytes(session.request(0x06, 0x01)[6:9], 'little')


class Source(abc.ABC):
    """One way to ask a BMC for the power.

    :ivar name: of the source, for people.
    """

    name: str

    def __init__(self, session: ipmi_session.Session) -> None:
        self._session = session

    @abc.abstractmethod
    def read(self) -> float | None:
        """Give the power in watts, or None while it is unavailable.

        :raises CommandRefused: the BMC does not have it.
        """

    def _ask(
        self,
        layout: str,
        netfn: int,
        command: int,
        data: bytes = b'',
        lun: int = 0,
    ) -> tuple[typing.Any, ...]:
        """Send a command and unpack the answer, which may be longer."""
        answer = self._session.request(netfn, command, data, lun)
        expected = struct.calcsize(layout)
        if len(answer) < expected:
            raise exception.ProtocolError(
                device=self._session.device,
                reason=f'{self.name}: {len(answer)} bytes came, expected '
                f'{expected}',
            )
        return struct.unpack_from(layout, answer)


class EnergyCounter(Source):
    """A source that counts energy.

    :cvar counter: how to read its ticks.
    """

    counter: typing.ClassVar[measurement.Counter]

    @abc.abstractmethod
    def read(self) -> int:
        """Give the ticks that the counter shows."""


class DCMIPower(Source):
    """DCMI's Get Power Reading."""

    name = 'DCMI'

    def read(self) -> int | None:
        watts, state = self._ask('<xH14xB', 0x2C, 0x02, b'\xdc\x01\x00\x00')
        active = state & 0x40
        return watts if active and watts != _UNKNOWN else None


class DellPower(Source):
    """Power of iDRAC6 and later."""

    name = 'Dell power'

    def read(self) -> int | None:
        (watts,) = self._ask('<H', 0x30, 0xB3, b'\x0a\x00')
        return None if watts == _UNKNOWN else watts


class DellEnergy(EnergyCounter):
    """Cumulative watt-hours of iDRAC6 and later."""

    name = 'Dell energy'
    counter = measurement.Counter(joules=3600.0, size=2**32)

    def read(self) -> int:
        (watt_hours,) = self._ask('<4xI', 0x30, 0x9C, b'\x07\x01')
        return watt_hours


class AEMEnergy(EnergyCounter):
    """Millijoules at the power supplies' AC side, or else at the DC side."""

    name = 'AEM energy'
    counter = measurement.Counter(joules=0.001, size=2**64)

    #: IANA numbers of the two makers, as they travel.
    _LENOVO, _IBM = b'\x66\x4a\x00', b'\x4d\x4f\x00'
    _VERSIONS = (b'\x02\x01', b'\x02\x06', b'\x02\x09')
    _AC, _DC = b'\x01\x82\x01\x08', b'\x01\x82\x00\x08'

    def __init__(self, session: ipmi_session.Session) -> None:
        super().__init__(session)
        self._request = b''

    def read(self) -> int:
        if not self._request:
            self._request = self._find()
        return self._millijoules(self._request)

    def _millijoules(self, request: bytes) -> int:
        (millijoules,) = self._ask('>3xQ', 0x2E, 0x81, request)
        return millijoules

    def _find(self) -> bytes:
        """Find out how to ask."""
        module = self._module()
        try:
            self._millijoules(module + self._AC)
        except ipmi_session.CommandRefused as e:
            if e.code != 0xCB:
                raise
            return module + self._DC
        return module + self._AC

    def _module(self) -> bytes:
        """Give maker and handle of the firmware module that counts."""
        try:
            return self._module_of(self._LENOVO)
        except ipmi_session.CommandRefused as e:
            if e.code != 0xC1:
                raise
        return self._module_of(self._IBM)

    def _module_of(self, maker: bytes) -> bytes:
        version, handle = self._ask(
            '4x2sc', 0x2E, 0x82, maker + b'\x00\x00\x01'
        )
        if version not in self._VERSIONS:
            raise exception.ProtocolError(
                device=self._session.device,
                reason=f'{self.name}: version {version.hex(".")} is unknown',
            )
        return maker + handle
