# SPDX-License-Identifier: Apache-2.0


"""A device that is a dictionary."""

import collections.abc
import typing

from pysnmp.proto import rfc1902
from pysnmp.proto import rfc1905

from energy_meter.drivers.snmp import engine
from energy_meter.drivers.snmp import session

Objects = dict[engine.Oid, int | str]

TOO_BIG = 1
NO_SUCH_NAME = 2


class Agent:
    """Answers as a device does, in place of an engine.

    :param objects: what the device shows.
    :param version: what it talks.
    :param most: more objects make its answers too big.
    :param cut: it makes them shorter instead, if it can.
    :ivar requests: the objects named in each request so far.
    """

    def __init__(
        self,
        objects: Objects,
        version: str = '2c',
        most: int = 1000,
        cut: bool = True,
    ) -> None:
        self.objects = objects
        self.requests: list[list[engine.Oid]] = []
        self._old = version == '1'
        self._most = most
        self._cut = cut

    async def ask(
        self,
        target: engine.Target,
        context: str,
        oids: collections.abc.Sequence[engine.Oid],
        repetitions: int | None,
    ) -> engine.Answer:
        self.requests.append(list(oids))
        if repetitions is None:
            answer = [(oid, self.objects.get(oid)) for oid in oids]
        else:
            answer = self._list(oids, repetitions)
        missing = [
            number
            for number, (_, value) in enumerate(answer, 1)
            if value is None
        ]
        if self._old and missing:
            return engine.Answer(None, NO_SUCH_NAME, missing[0], ())
        if len(answer) > self._most:
            if not (self._cut and repetitions is not None):
                return engine.Answer(None, TOO_BIG, 0, ())
            answer = answer[: self._most]
        return engine.Answer(
            None,
            0,
            0,
            [
                (rfc1902.ObjectName(oid), _value(value))
                for oid, value in answer
            ],
        )

    def _list(
        self, oids: collections.abc.Sequence[engine.Oid], repetitions: int
    ) -> list[tuple[engine.Oid, typing.Any]]:
        answer: list[tuple[engine.Oid, typing.Any]] = []
        at = list(oids)
        for _ in range(repetitions):
            following = [
                min(
                    (oid for oid in self.objects if oid > before), default=None
                )
                for before in at
            ]
            answer += [
                (before, None) if oid is None else (oid, self.objects[oid])
                for before, oid in zip(at, following, strict=True)
            ]
            at = [
                oid or before
                for before, oid in zip(at, following, strict=True)
            ]
        return answer


def _value(value: int | str | None) -> object:
    if value is None:
        return rfc1905.noSuchInstance
    if isinstance(value, str):
        return rfc1902.OctetString(value)
    return rfc1902.Integer32(value)


def connect(
    agent: typing.Any, version: str = '2c', **options: typing.Any
) -> session.Session:
    """Give an open session with an agent."""
    opened = session.Session(
        'pdu',
        161,
        engine.Credentials(version, 'secret'),
        '',
        **{'timeout': 1.0, 'retries': 0} | options,
    )
    opened._engine = agent
    opened._target = engine.Target('pdu', ())
    return opened
