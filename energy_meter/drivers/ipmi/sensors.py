# SPDX-License-Identifier: Apache-2.0

"""The sensors of a BMC that show watts."""

import collections.abc
import struct
import time
import typing

from pyghmi import exceptions as pyghmi_exceptions
from pyghmi.ipmi import sdr
from pyghmi.ipmi.private import constants

from energy_meter import exception
from energy_meter.drivers.ipmi import session as ipmi_session
from energy_meter.drivers.ipmi import sources

#: Seconds in which a BMC must have told what sensors it has. A slow one with
#: hundreds of them takes half a minute.
LISTING_TIME = 45.0

#: Address of the BMC itself among the owners of sensors.
_BMC = 0x20

#: Numeric format of a sensor without a number (IPMI 2.0, table 43-1).
_NO_NUMBER = 3

#: Encoding of a name in 6 bits a character (IPMI 2.0, section 43.15).
_PACKED = 2

#: What pyghmi raises on a record that it can't decode.
_UNDECODABLE = (IndexError, KeyError, NotImplementedError, ValueError)


class Sensor(sources.Source):
    """One sensor that shows watts.

    :param entry: its sensor data record.
    """

    def __init__(
        self, session: ipmi_session.Session, entry: sdr.SDREntry
    ) -> None:
        super().__init__(session)
        self.name = entry.name.strip('\0 ')
        self._entry = entry

    def read(self) -> float | None:
        (shown,) = self._ask(
            '2s',
            0x04,
            0x2D,
            bytes([self._entry.sensor_number]),
            lun=self._entry.sensor_lun,
        )
        # pyghmi also wants the states of thresholds: none is reached.
        return self._entry.decode_sensor_reading(
            _Commander(self._session), shown + b'\0'
        ).value


class _Commander:
    """What pyghmi's code about sensors asks of its command object."""

    def __init__(self, session: ipmi_session.Session) -> None:
        self._session = session
        self._deadline = time.monotonic() + LISTING_TIME

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
                reason='its sensors are still not listed after '
                f'{LISTING_TIME:g} s',
            )
        try:
            answer = self._session.request(netfn, command, bytes(data), rslun)
        except ipmi_session.CommandRefused as e:
            return {'code': e.code, 'data': b'', 'error': str(e)}
        return {'code': 0, 'data': answer}

    def xraw_command(self, netfn: int, command: int) -> dict[str, typing.Any]:
        return {'code': 0, 'data': self._session.request(netfn, command)}


class _Entry(sdr.SDREntry):
    """One sensor data record."""

    def tlv_decode(self, tlv: int, data: bytes) -> str:
        if tlv >> 6 != _PACKED:
            return super().tlv_decode(tlv, data)
        # pyghmi's loop over these never ends.
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
        # pyghmi takes the records of another BMC for these if firmware and
        # date are the same. The machines need not be: a device id of its
        # own keeps each BMC's records apart.
        self.device_id = object()
        try:
            super().get_sdr()
        finally:
            for key in list(sdr.shared_sdrs):
                if self.device_id in key:
                    del sdr.shared_sdrs[key]

    def add_sdr(self, sdrbytes: bytes) -> None:
        # One record that is none must not hide the others.
        try:
            super().add_sdr(sdrbytes)
        except _UNDECODABLE:
            pass


def find(session: ipmi_session.Session) -> list[Sensor]:
    """Give the sensors of the BMC that show watts.

    Sensors of other controllers in the machine are left out: asked for one
    of them, the BMC shows its own sensor of that number.

    :raises ProtocolError: it can't tell what sensors it has.
    """
    commander = _Commander(session)
    try:
        repository = _Repository(commander)
    except (
        pyghmi_exceptions.PyghmiException,
        *_UNDECODABLE,
        struct.error,
    ) as e:
        raise exception.ProtocolError(
            device=session.device,
            reason=f'its sensors can not be listed: {e or type(e).__name__}',
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
        and entry.numeric_format != _NO_NUMBER
    ]


def only(session: ipmi_session.Session) -> Sensor:
    """Give the one sensor of the BMC that shows watts.

    :raises ProtocolError: there is none, or more than one.
    """
    return choose(session, find(session), None)


def choose(
    session: ipmi_session.Session, sensors: list[Sensor], name: str | None
) -> Sensor:
    """Give the sensor of this name; without a name the only one.

    :raises ProtocolError: there is none, or more than one.
    """
    matching = [sensor for sensor in sensors if name in (None, sensor.name)]
    if len(matching) == 1:
        return matching[0]
    wanted = 'Watts sensor' if name is None else f'Watts sensor {name}'
    names = ', '.join(sensor.name for sensor in sensors) or 'none'
    raise exception.ProtocolError(
        device=session.device,
        reason=f'expected one {wanted}, found {len(matching)}; the option '
        f'sensor can name one of: {names}',
    )
