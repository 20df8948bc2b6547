# SPDX-License-Identifier: Apache-2.0

"""Watts sensors of a BMC that are read repeatedly.

A BMC may renumber its sensors in a firmware update, and some do so after each
restart. A number from an older list then belongs to another sensor, for
example a fan. The list is therefore verified after each login.
"""

import time

from energy_meter import exception
from energy_meter.drivers.ipmi import sensors
from energy_meter.drivers.ipmi import session as ipmi_session
from energy_meter.drivers.ipmi import sources

#: Minimum age in seconds of the list before a failing sensor causes a new
#: verification in the same session.
MIN_AGE_S = 600.0

#: Timestamps before it are relative to the start of the BMC, and 0xFFFFFFFF
#: is unspecified (IPMI 2.0, section 37). Neither identifies the records.
_MIN_TIMESTAMP = 0x20000000
_UNSPECIFIED = 0xFFFFFFFF


class Listing:
    """Watts sensors of one BMC, listed again if they may have changed.

    A reading in the same session costs no command. After a login, the
    firmware and the repository are compared with those of the list. The
    sensors are listed again if they differ, or if the BMC does not state when
    it last added a record.
    """

    def __init__(self, session: ipmi_session.Session) -> None:
        self._session = session
        self._login: int | None = None
        self._version: bytes | None = None
        self._verified_at = 0.0
        self._sensors: list[sensors.Sensor] = []

    def sensors(self) -> list[sensors.Sensor]:
        """Return the sensors.

        :raises ProtocolError: if the sensor data records cannot be read.
        """
        if self._login != self._session.logins:
            version = self._read_version()
            if version is None or version != self._version:
                self._sensors = sensors.find(self._session)
            self._version = version
            self._login = self._session.logins
            self._verified_at = time.monotonic()
        return self._sensors

    def expire(self) -> None:
        """Verify the list at the next reading, unless it is recent."""
        if time.monotonic() - self._verified_at >= MIN_AGE_S:
            self._login = None

    def _read_version(self) -> bytes | None:
        """Return firmware and repository information; None if unknown."""
        try:
            device = self._session.request(0x06, 0x01)
            repository = self._session.request(0x0A, 0x20)
        except ipmi_session.CommandFailed as e:
            if e.is_busy:
                raise
            return None
        added = int.from_bytes(repository[5:9], 'little')
        if not _MIN_TIMESTAMP <= added < _UNSPECIFIED:
            return None
        return device + repository


class ListedSensor(sources.Source):
    """Watts sensor with a given name, or the only one of the machine.

    :param listing: sensors of the BMC.
    :param sensor_name: name of the sensor. None for the only one that does
        not measure a part of the machine.
    """

    def __init__(
        self,
        session: ipmi_session.Session,
        listing: Listing,
        sensor_name: str | None = None,
    ) -> None:
        super().__init__(session)
        self._listing = listing
        self._sensor_name = sensor_name
        self.name = sensor_name or 'only Watts sensor of the machine'

    def find(self) -> sensors.Sensor:
        """Return the sensor.

        :raises ProtocolError: if there is none, or more than one.
        """
        listed = self._listing.sensors()
        matches = [
            sensor
            for sensor in listed
            if (
                not sensor.is_part
                if self._sensor_name is None
                else sensor.name == self._sensor_name
            )
        ]
        if len(matches) == 1:
            self.name = matches[0].name
            return matches[0]
        expected = (
            'Watts sensor of the whole machine'
            if self._sensor_name is None
            else f'Watts sensor {self._sensor_name}'
        )
        names = ', '.join(sensor.name for sensor in listed) or 'none'
        raise exception.ProtocolError(
            device=self._session.device,
            reason=f'expected one {expected}, found {len(matches)}; available '
            f'for the sensor option: {names}',
        )

    def read(self) -> float | None:
        sensor = self.find()
        try:
            return sensor.read()
        except ipmi_session.CommandFailed as e:
            if not e.is_temporary:
                self._listing.expire()
            raise
