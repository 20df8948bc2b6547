# SPDX-License-Identifier: Apache-2.0

"""SNMP requests to one device."""

import collections.abc
import socket
import time

from pysnmp import error
from pysnmp.proto import errind

from energy_meter import exception
from energy_meter.drivers.common import bounds
from energy_meter.drivers.snmp import engine
from energy_meter.drivers.snmp import errors
from energy_meter.drivers.snmp import isolation
from energy_meter.drivers.snmp import native_engine
from energy_meter.drivers.snmp import objects
from energy_meter.drivers.snmp import pysnmp_engine

Oid = engine.Oid

#: Maximum number of objects in one get request: 40 values and the uptime.
#: Request and response fit an Ethernet frame; some devices silently drop
#: larger packets.
MAX_GET_OBJECTS = 41

#: Maximum number of objects in one bulk response, about 3 kB. A device that
#: does not support this size returns a shorter response.
MAX_BULK_OBJECTS = 120

#: Engines by name.
ENGINES: dict[str, engine.Connect] = {
    'pysnmp': pysnmp_engine.connect,
    'native': native_engine.connect,
}


class Session:
    """Session with one device.

    :param host: host name or IP address.
    :param context: context name, for version 3.
    :param timeout: maximum time in seconds to wait for each response.
    :param retries: maximum number of retransmissions.
    :param engine_name: a key of :data:`ENGINES`.
    """

    def __init__(
        self,
        host: str,
        port: int,
        credentials: engine.Credentials,
        context: str,
        timeout: float,
        retries: int,
        engine_name: str = 'pysnmp',
    ) -> None:
        self.device = f'{host}:{port}'
        self._host, self._port = host, port
        self._credentials = credentials
        self._context = context
        self._timeout = timeout
        self._retries = retries
        self._max_get_objects = MAX_GET_OBJECTS
        self._max_bulk_objects = MAX_BULK_OBJECTS
        self._unavailable = isolation.Unavailable(self.device)
        self._connect = ENGINES[engine_name]
        self._connection: engine.Connection | None = None
        self._is_aborted = False

    @property
    def has_bulk(self) -> bool:
        """Whether the version has bulk requests."""
        return self._credentials.version != '1'

    @property
    def boots(self) -> int | None:
        """Number of starts of the device; None if it is unknown."""
        if self._credentials.version != '3' or self._connection is None:
            return None
        return self._connection.boots

    def open(self) -> None:
        """Resolve the host and open a socket.

        :raises DeviceUnreachable: if the host name cannot be resolved.
        """
        try:
            addresses = socket.getaddrinfo(
                self._host, self._port, type=socket.SOCK_DGRAM
            )
        except OSError as e:
            raise exception.DeviceUnreachable(device=self.device, reason=e)
        family, _, _, _, address = min(
            addresses, key=lambda entry: entry[0] != socket.AF_INET
        )
        try:
            self._connection = self._connect(
                self._credentials,
                family,
                address,
                self._context,
                self._timeout,
            )
        except error.PySnmpError as e:
            # The error message may contain a password.
            raise exception.ProtocolError(
                device=self.device, reason=f'pysnmp raised {type(e).__name__}'
            )

    def close(self) -> None:
        """Close the socket if it is open."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def abort(self) -> None:
        """End the session; another thread may call this.

        A request that waits for a response is the last one.
        """
        self._is_aborted = True

    def get(
        self, oids: collections.abc.Iterable[Oid]
    ) -> dict[Oid, objects.Value]:
        """Return the values of objects; None for missing and failed ones.

        :raises DriverError: if there is no valid response, if all of several
            objects failed, or if too many failed.
        """
        values: dict[Oid, objects.Value] = dict.fromkeys(oids)
        remaining = self._unavailable.filter(values)
        failures = isolation.Failures(remaining)
        while remaining:
            batch = remaining[: failures.limit(self._max_get_objects)]
            response = self._request(batch)
            if response.status == errors.TOO_BIG and len(batch) > 1:
                self._max_get_objects = len(batch) // 2
            elif failures.can_add(response):
                # The response contains no values.
                failures.add(response, batch)
                remaining = [oid for oid in remaining if oid not in failures]
            else:
                errors.check(response, self.device, self._credentials)
                values.update(response.varbinds)
                del remaining[: len(batch)]
                failures.exclude(len(batch))
        if failures.total is not None:
            errors.check(failures.total, self.device, self._credentials)
        self._unavailable.update(failures)
        return values

    def walk(
        self,
        ranges: collections.abc.Iterable[objects.Range],
        rows: int,
        scalar: Oid | None = None,
    ) -> dict[Oid, objects.Value]:
        """Return the values of all objects in some ranges.

        See :func:`isolation.walk` for devices on which an object may fail.

        :param rows: expected number of objects in each range.
        :param scalar: another object, which is added to the first request.
            It requires bulk requests, and its last number must be 0.
        :raises RowFailed: if the device returned an error for an object.
        :raises DriverError: if there is no valid response.
        """
        remaining = list(ranges)
        values: dict[Oid, objects.Value] = {}
        scalars = [] if scalar is None else [scalar[:-1]]
        deadline = time.monotonic() + bounds.MAX_WALK_S
        while remaining:
            errors.check_deadline(deadline, self.device)
            repetitions = self._repetitions(len(remaining), rows)
            response = self._request(
                scalars + [after for after, _ in remaining],
                repetitions,
                len(scalars),
            )
            if response.status == errors.TOO_BIG and repetitions > 1:
                self._max_bulk_objects = len(remaining) * repetitions // 2
            elif errors.is_end(response, len(remaining)):
                del remaining[response.index - 1]
            else:
                self._check_walk(response, values)
                decoded = response.varbinds
                values.update(decoded[: len(scalars)])
                remaining = self._collect(
                    remaining, decoded[len(scalars) :], values
                )
                scalars = []
        return values

    def _check_walk(
        self, response: engine.Response, values: dict[Oid, objects.Value]
    ) -> None:
        try:
            errors.check(response, self.device, self._credentials)
        except exception.DriverError as e:
            if response.status in errors.ROW_STATUSES:
                raise errors.RowFailed(e, values)
            raise

    def _repetitions(self, ranges: int, rows: int) -> int:
        if not self.has_bulk:
            return 1
        return max(1, min(rows, self._max_bulk_objects // ranges))

    def _collect(
        self,
        ranges: list[objects.Range],
        decoded: collections.abc.Sequence[tuple[Oid, objects.Value]],
        values: dict[Oid, objects.Value],
    ) -> list[objects.Range]:
        """Add the objects of a response to the values.

        :returns: the ranges that remain to be requested.
        """
        if not decoded:
            raise exception.ProtocolError(
                device=self.device, reason='empty response'
            )
        if len(values) > bounds.MAX_SNMP_OBJECTS:
            raise exception.ProtocolError(
                device=self.device,
                reason=f'more than {bounds.MAX_SNMP_OBJECTS} objects in its '
                'tables',
            )
        remaining = []
        for number, (after, last) in enumerate(ranges):
            column = decoded[number :: len(ranges)]
            new = [
                (oid, value)
                for oid, value in column
                if value is not None and oid <= last and oid not in values
            ]
            values.update(new)
            if not column:
                remaining.append(objects.Range(after, last))
            elif len(new) == len(column) and column[-1][0] < last:
                remaining.append(objects.Range(column[-1][0], last))
        return remaining

    def _request(
        self,
        oids: collections.abc.Sequence[Oid],
        repetitions: int | None = None,
        scalars: int = 0,
    ) -> engine.Response:
        if self._connection is None:
            raise exception.ProtocolError(
                device=self.device, reason='the session is closed'
            )
        for _ in range(self._retries + 1):
            if self._is_aborted:
                raise exception.DeviceUnreachable(
                    device=self.device, reason='the session was ended'
                )
            try:
                response = self._connection.request(oids, repetitions, scalars)
            except OSError as e:
                raise exception.DeviceUnreachable(device=self.device, reason=e)
            if not isinstance(response.error, errind.RequestTimedOut):
                return response
            if repetitions is not None and repetitions > 1:
                # Some networks drop fragmented responses.
                repetitions = max(2, repetitions // 2)
                self._max_bulk_objects = len(oids) * repetitions
        raise exception.DeviceUnreachable(
            device=self.device,
            reason=f'{self._retries + 1} requests without a response within '
            f'{self._timeout:g} s; devices also ignore requests with a wrong '
            f'{self._secret}',
        )

    @property
    def _secret(self) -> str:
        return (
            'priv_password'
            if self._credentials.version == '3'
            else 'community'
        )
