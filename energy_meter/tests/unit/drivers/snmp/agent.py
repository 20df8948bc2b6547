# SPDX-License-Identifier: Apache-2.0


"""Stub of an SNMP device whose objects are a dictionary."""

import collections.abc
import typing

from energy_meter.drivers.snmp import engine
from energy_meter.drivers.snmp import session

Objects = dict[engine.Oid, int | str]

TOO_BIG = 1
NO_SUCH_NAME = 2
GENERAL_ERROR = 5


class Agent:
    """Stub of a connection with a device.

    :param objects: values of the device's objects.
    :param version: SNMP version.
    :param max_objects: maximum number of objects in a response.
    :param truncate: whether bulk responses are truncated rather than
        rejected as too big.
    :param failed: objects for which the device returns an error.
    :param status: status of this error.
    :param has_index: whether the device reports the index of the error.
    :ivar requests: object identifiers of each request received.
    :ivar varbinds: number of variable bindings in all responses.
    """

    def __init__(
        self,
        objects: Objects,
        version: str = '2c',
        max_objects: int = 1000,
        truncate: bool = True,
        failed: collections.abc.Collection[engine.Oid] = (),
        status: int = GENERAL_ERROR,
        has_index: bool = True,
    ) -> None:
        self.objects = objects
        self.requests: list[list[engine.Oid]] = []
        self.varbinds = 0
        self._is_version_1 = version == '1'
        self._max_objects = max_objects
        self._truncate = truncate
        self.failed = failed
        self._status = status
        self._has_index = has_index

    def request(
        self,
        oids: collections.abc.Sequence[engine.Oid],
        repetitions: int | None,
        scalars: int = 0,
    ) -> engine.Response:
        self.requests.append(list(oids))
        if repetitions is None:
            varbinds = [(oid, self.objects.get(oid)) for oid in oids]
        else:
            varbinds = self._walk(oids[:scalars], 1) if scalars else []
            varbinds += self._walk(oids[scalars:], repetitions)
        self.varbinds += len(varbinds)
        for number, (oid, value) in enumerate(varbinds):
            if oid in self.failed and value is not None:
                # The index is that of the requested object.
                column = (
                    number
                    if number < scalars
                    else scalars + (number - scalars) % (len(oids) - scalars)
                )
                index = column + 1 if self._has_index else 0
                return engine.Response(None, self._status, index, ())
        missing = [
            number
            for number, (_, value) in enumerate(varbinds, 1)
            if value is None
        ]
        if self._is_version_1 and missing:
            return engine.Response(None, NO_SUCH_NAME, missing[0], ())
        if len(varbinds) > self._max_objects:
            if not (self._truncate and repetitions is not None):
                return engine.Response(None, TOO_BIG, 0, ())
            varbinds = varbinds[: self._max_objects]
        return engine.Response(
            None,
            0,
            0,
            [
                (oid, value.encode() if isinstance(value, str) else value)
                for oid, value in varbinds
            ],
        )

    def _walk(
        self, oids: collections.abc.Sequence[engine.Oid], repetitions: int
    ) -> list[tuple[engine.Oid, typing.Any]]:
        varbinds: list[tuple[engine.Oid, typing.Any]] = []
        previous = list(oids)
        for _ in range(repetitions):
            next_oids = [
                min(
                    (oid for oid in self.objects if oid > before), default=None
                )
                for before in previous
            ]
            varbinds += [
                (before, None) if oid is None else (oid, self.objects[oid])
                for before, oid in zip(previous, next_oids, strict=True)
            ]
            previous = [
                oid or before
                for before, oid in zip(previous, next_oids, strict=True)
            ]
        return varbinds


def connect(
    agent: typing.Any, version: str = '2c', **options: typing.Any
) -> session.Session:
    """Return an open session with an agent."""
    connected = session.Session(
        'pdu',
        161,
        engine.Credentials(version, 'secret'),
        '',
        **{'timeout': 1.0, 'retries': 0} | options,
    )
    connected._connection = agent
    return connected
