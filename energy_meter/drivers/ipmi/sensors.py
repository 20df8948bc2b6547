# SPDX-License-Identifier: Apache-2.0

"""Sensors of a BMC that measure power."""

import collections.abc
import struct
import time
import typing

from pyghmi import exceptions as pyghmi_exceptions
from pyghmi.ipmi import sdr
from pyghmi.ipmi.private import constants

from energy_meter import exception
from energy_meter.drivers.ipmi import parts
from energy_meter.drivers.ipmi import session as ipmi_session
from energy_meter.drivers.ipmi import sources

#: Maximum time to read a BMC's sensor data records. A slow BMC with hundreds
#: of sensors takes 30 seconds.
LISTING_TIMEOUT_S = 45.0

#: Sensor owner ID of the BMC itself.
_BMC = 0x20

#: Format of a sensor that returns no analog reading (IPMI 2.0, table 43-1).
_NON_ANALOG = 3

#: Type code of names with 6 bits per character (IPMI 2.0, section 43.15).
_PACKED = 2

#: Errors that pyghmi raises for records that it cannot decode.
_DECODING_ERRORS = (IndexError, KeyError, NotImplementedError, ValueError)


class Sensor(sources.Source):
    """A sensor that measures watts.

    :param entry: the sensor data record.
    :ivar is_part: whether the sensor measures a part of the machine.
    """

    def __init__(self, session: ipmi_session.Session, entry: '_Entry') -> None:
        super().__init__(session)
        self.name = entry.name.strip('\0 ')
        self.is_part = parts.is_part(entry.entity_id, self.name)
        self._entry = entry

    def read(self) -> float | None:
        (reading,) = self._request(
            '2s',
            0x04,
            0x2D,
            bytes([self._entry.sensor_number]),
            lun=self._entry.sensor_lun,
        )
        # pyghmi also expects the threshold states: none is reached.
        watts: float | None = self._entry.decode_sensor_reading(
            _Commander(self._session), reading + b'\0'
        ).value
        return watts


class _Commander:
    """Adapter with the command methods that pyghmi's SDR code calls."""

    def __init__(self, session: ipmi_session.Session) -> None:
        self._session = session
        self._deadline = time.monotonic() + LISTING_TIMEOUT_S

    def raw_command(
        self,
        netfn: int,
        command: int,
        data: collections.abc.Iterable[int] = (),
        rslun: int = 0,
    ) -> dict[str, typing.Any]:
        if time.monotonic() > self._deadline:
            raise exception.DeviceUnreachable(
                device=self._session.device,
                reason='reading the sensor data records took longer than '
                f'{LISTING_TIMEOUT_S:g} s',
            )
        try:
            response = self._session.request(
                netfn, command, bytes(data), rslun
            )
        except ipmi_session.CommandFailed as e:
            return {'code': e.code, 'data': b'', 'error': str(e)}
        return {'code': 0, 'data': response}

    def xraw_command(self, netfn: int, command: int) -> dict[str, typing.Any]:
        return {'code': 0, 'data': self._session.request(netfn, command)}


class _Entry(sdr.SDREntry):
    """A sensor data record.

    :ivar entity_id: what the sensor measures (IPMI 2.0, table 43-13); pyghmi
        keeps only its text.
    """

    def __init__(self, sdrbytes: bytes, *args: object) -> None:
        self.entity_id = sdrbytes[8]
        super().__init__(sdrbytes, *args)

    def tlv_decode(self, tlv: int, data: bytes) -> str:
        if tlv >> 6 != _PACKED:
            text: str = super().tlv_decode(tlv, data)
            return text
        # pyghmi's own loop over packed characters never ends.
        packed = data[: tlv & 0x1F]
        bits = int.from_bytes(packed, 'little')
        return ''.join(
            chr(0x20 + (bits >> shift & 0x3F))
            for shift in range(0, len(packed) * 8 - 5, 6)
        )


class _Repository(sdr.SDR):
    """The sensor data records of one BMC."""

    def make_sdr_entry(self, sdrbytes: bytes) -> _Entry:
        return _Entry(sdrbytes, constants, False, self.mfg_id, self.prod_id)

    def get_sdr(self) -> None:
        # pyghmi shares cached records between BMCs with the same firmware
        # and date, even if the machines differ. A unique device ID disables
        # this cache.
        self.device_id = object()
        try:
            super().get_sdr()
        finally:
            for key in list(sdr.shared_sdrs):
                if self.device_id in key:
                    del sdr.shared_sdrs[key]

    def add_sdr(self, sdrbytes: bytes) -> None:
        # An invalid record must not hide the valid ones.
        try:
            super().add_sdr(sdrbytes)
        except _DECODING_ERRORS:
            pass


def find(session: ipmi_session.Session) -> list[Sensor]:
    """Return the sensors of the BMC that measure watts.

    Sensors of other controllers are skipped: a request for one of them
    returns the BMC's own sensor with the same number.

    :raises ProtocolError: if the sensor data records cannot be read.
    """
    commander = _Commander(session)
    try:
        repository = _Repository(commander)
    except (
        pyghmi_exceptions.PyghmiException,
        *_DECODING_ERRORS,
        struct.error,
    ) as e:
        raise exception.ProtocolError(
            device=session.device,
            reason='cannot read the sensor data records: '
            f'{e or type(e).__name__}',
        )
    entries = (
        repository.sensors[number]
        for number in repository.get_sensor_numbers()
    )
    return [
        Sensor(session, entry)
        for entry in entries
        if entry.sensor_owner == _BMC
        and entry.unit_suffix == 'W'
        and entry.numeric_format != _NON_ANALOG
    ]
