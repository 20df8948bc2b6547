# SPDX-License-Identifier: Apache-2.0


"""A conversation with one device."""

import collections.abc
import socket
import time
import typing

from pyasn1.type import univ
from pysnmp import error
from pysnmp.proto import errind
from pysnmp.proto import rfc1905

from energy_meter import exception
from energy_meter.drivers.snmp import engine

Oid = engine.Oid

#: What an object holds: a number, text, or the name of another object. None
#: stands for no value: no such object, no such instance, end of the MIB.
Value: typing.TypeAlias = int | bytes | Oid | None

#: Larger than every number that an object identifier can have.
BEYOND = 2**32

#: Most objects named in one request: request and answer fit an Ethernet
#: frame, for some devices drop larger ones without a word.
MAX_NAMED = 40

#: Most objects that a device is to list in one answer: about three
#: kilobytes. A device that can't makes it shorter.
MAX_LISTED = 120

#: A device that shows more objects than this in one sweep is broken.
MAX_SWEEP = 100_000

#: An object that spoiled an answer by not being there is not asked for again
#: for so many seconds.
MISSING_PAUSE = 60.0

#: How long the engines' thread may take for what needs no device, in
#: seconds.
PATIENCE = 30.0

# Error status of RFC 3416, section 3.
_TOO_BIG = 1
_NO_SUCH_NAME = 2
_GENERAL_ERROR = 5
_NO_ACCESS = 6
_AUTHORIZATION_ERROR = 16

#: What a device reports (RFC 3414, section 3.2), or pysnmp finds, if they
#: don't agree about the user.
_REFUSALS = (
    errind.AuthenticationFailure,
    errind.DecryptionError,
    errind.UnknownSecurityName,
    errind.UnknownUserName,
    errind.UnsupportedSecurityLevel,
    errind.WrongDigest,
)


class Range(typing.NamedTuple):
    """The objects after one and up to another."""

    after: Oid
    last: Oid

    @classmethod
    def below(cls, oid: Oid) -> 'Range':
        """Give the range of all that is below an object."""
        return cls(oid, (*oid, BEYOND))


class Session:
    """Asks one device.

    :param host: its name or IP address.
    :param timeout: how long to wait for each answer, in seconds.
    :param retries: how often to ask again.
    """

    def __init__(
        self,
        host: str,
        port: int,
        credentials: engine.Credentials,
        context: str,
        timeout: float,
        retries: int,
    ) -> None:
        self.device = f'{host}:{port}'
        self._host, self._port = host, port
        self._credentials = credentials
        self._context = context
        self._timeout = timeout
        self._retries = retries
        self._max_named = MAX_NAMED
        self._max_listed = MAX_LISTED
        self._missing: dict[Oid, float] = {}
        self._engine: engine.Engine | None = None
        self._target: engine.Target | None = None

    @property
    def has_bulk(self) -> bool:
        """Whether one request can ask for many objects that follow."""
        return self._credentials.version != '1'

    def open(self) -> None:
        """Get ready to ask.

        :raises DeviceUnreachable: the host's name has no address.
        """
        try:
            found = socket.getaddrinfo(
                self._host, self._port, type=socket.SOCK_DGRAM
            )
        except OSError as e:
            raise exception.DeviceUnreachable(device=self.device, reason=e)
        family, _, _, _, address = min(
            found, key=lambda entry: entry[0] != socket.AF_INET
        )
        try:
            self._engine = engine.run(engine.find(self._credentials), PATIENCE)
            self._target = engine.run(
                self._engine.connect(family, address, self._timeout), PATIENCE
            )
        except error.PySnmpError as e:
            # Its text might quote a password.
            raise exception.ProtocolError(
                device=self.device, reason=f'pysnmp raised {type(e).__name__}'
            )

    def close(self) -> None:
        if self._engine is not None and self._target is not None:
            engine.run(self._engine.disconnect(self._target), PATIENCE)
        self._engine = self._target = None

    def get(self, oids: collections.abc.Iterable[Oid]) -> dict[Oid, Value]:
        """Ask for objects by name; those that don't exist are None.

        :raises DriverError: no answer, or none that can be used.
        """
        values: dict[Oid, Value] = dict.fromkeys(oids)
        again = time.monotonic() - MISSING_PAUSE
        pending = [
            oid for oid in values if self._missing.get(oid, again) <= again
        ]
        while pending:
            batch = pending[: self._max_named]
            answer = self._ask(batch)
            if answer.status == _TOO_BIG and len(batch) > 1:
                self._max_named = len(batch) // 2
            elif answer.status in (
                _NO_SUCH_NAME,
                _GENERAL_ERROR,
            ) and 0 < answer.index <= len(batch):
                # One object without a value spoils the whole answer.
                missing = pending.pop(answer.index - 1)
                self._missing[missing] = time.monotonic()
            else:
                self._check(answer)
                values.update(_values(answer.objects))
                del pending[: len(batch)]
        return values

    def sweep(
        self, ranges: collections.abc.Iterable[Range], rows: int
    ) -> dict[Oid, Value]:
        """Ask for all objects in some ranges.

        :param rows: how many objects to expect in each range.
        :raises DriverError: no answer, or none that can be used.
        """
        pending = list(ranges)
        values: dict[Oid, Value] = {}
        while pending:
            repetitions = self._repetitions(len(pending), rows)
            answer = self._ask([after for after, _ in pending], repetitions)
            if answer.status == _TOO_BIG and repetitions > 1:
                self._max_listed = len(pending) * repetitions // 2
            elif answer.status == _NO_SUCH_NAME and 0 < answer.index <= len(
                pending
            ):
                # Version 1 has no other way to say that nothing follows.
                del pending[answer.index - 1]
            else:
                self._check(answer)
                pending = self._collect(pending, answer, values)
        return values

    def _repetitions(self, ranges: int, rows: int) -> int:
        if not self.has_bulk:
            return 1
        return max(1, min(rows, self._max_listed // ranges))

    def _collect(
        self,
        ranges: list[Range],
        answer: engine.Answer,
        values: dict[Oid, Value],
    ) -> list[Range]:
        """Add what an answer shows to the values.

        :returns: what of the ranges is still to be asked for.
        """
        objects = _values(answer.objects)
        if not objects:
            raise exception.ProtocolError(
                device=self.device, reason='its answer is empty'
            )
        if len(values) > MAX_SWEEP:
            raise exception.ProtocolError(
                device=self.device, reason='its tables have no end'
            )
        pending = []
        for number, (after, last) in enumerate(ranges):
            column = objects[number :: len(ranges)]
            new = [
                (oid, value)
                for oid, value in column
                if value is not None and oid <= last and oid not in values
            ]
            values.update(new)
            if not column:
                pending.append(Range(after, last))
            elif len(new) == len(column) and column[-1][0] < last:
                pending.append(Range(column[-1][0], last))
        return pending

    def _ask(
        self,
        oids: collections.abc.Sequence[Oid],
        repetitions: int | None = None,
    ) -> engine.Answer:
        if self._engine is None or self._target is None:
            raise exception.ProtocolError(
                device=self.device, reason='the session is closed'
            )
        for _ in range(self._retries + 1):
            try:
                # Version 3 may have to ask for the device's clock first.
                answer = engine.run(
                    self._engine.ask(
                        self._target, self._context, oids, repetitions
                    ),
                    3 * self._timeout + 1,
                )
            except TimeoutError:
                continue
            except error.PySnmpError as e:
                raise exception.ProtocolError(device=self.device, reason=e)
            if not isinstance(answer.problem, errind.RequestTimedOut):
                return answer
            if repetitions is not None and repetitions > 1:
                # Answers that take more than one frame get lost in some
                # networks.
                repetitions = max(2, repetitions // 2)
                self._max_listed = len(oids) * repetitions
        raise exception.DeviceUnreachable(
            device=self.device,
            reason=f'{self._retries + 1} times nothing within '
            f'{self._timeout:g} s; it also keeps silent if the '
            f'{self._secret} is wrong',
        )

    @property
    def _secret(self) -> str:
        return (
            'priv_password'
            if self._credentials.version == '3'
            else 'community'
        )

    def _check(self, answer: engine.Answer) -> None:
        """See that an answer can be used."""
        refused = isinstance(answer.problem, _REFUSALS) or answer.status in (
            _NO_ACCESS,
            _AUTHORIZATION_ERROR,
        )
        if refused and self._credentials.user:
            raise exception.AuthenticationFailed(
                device=self.device, user=self._credentials.user
            )
        if answer.problem is not None:
            raise exception.ProtocolError(
                device=self.device, reason=answer.problem
            )
        if answer.status:
            status = rfc1905.errorStatus.clone(answer.status).prettyPrint()
            raise exception.ProtocolError(
                device=self.device, reason=f'it answers with error {status}'
            )


def _values(
    objects: collections.abc.Iterable[tuple[typing.Any, typing.Any]],
) -> list[tuple[Oid, Value]]:
    return [(oid.asTuple(), _value(value)) for oid, value in objects]


def _value(value: object) -> Value:
    if isinstance(value, univ.Integer):
        return int(value)
    if isinstance(value, univ.ObjectIdentifier):
        return value.asTuple()
    # pyasn1's Null, which stands for no value, is an OctetString, too.
    if isinstance(value, univ.OctetString) and not isinstance(
        value, univ.Null
    ):
        return bytes(value)
    return None
