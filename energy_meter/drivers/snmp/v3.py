# SPDX-License-Identifier: Apache-2.0

"""Messages of SNMP version 3 (RFC 3412, RFC 3414)."""

import time
import typing

from pysnmp.proto import errind

from energy_meter.drivers.snmp import ber
from energy_meter.drivers.snmp import engine
from energy_meter.drivers.snmp import usm

# Flags of messages (RFC 3412, section 6.4).
_AUTH = 0x01
_PRIV = 0x02
_REPORTABLE = 0x04
_LEVELS = {'noAuthNoPriv': 0, 'authNoPriv': _AUTH, 'authPriv': _AUTH | _PRIV}

_VERSION = engine.MODELS['3']
_USM = 3
_MAX_MESSAGE_BYTES = 65_507

#: Exclusive upper limit of snmpEngineBoots and snmpEngineTime.
_CLOCK_LIMIT = 2**31

#: Maximum age in seconds of a message (RFC 3414, section 2.2.3).
_TIME_WINDOW_S = 150

# Counters in reports (RFC 3414, section 5).
_COUNTERS = (1, 3, 6, 1, 6, 3, 15, 1, 1)
_NOT_IN_TIME_WINDOWS = (*_COUNTERS, 2, 0)
_ERRORS: dict[engine.Oid, object] = {
    (*_COUNTERS, 1, 0): errind.unsupportedSecurityLevel,
    (*_COUNTERS, 3, 0): errind.unknownUserName,
    (*_COUNTERS, 5, 0): errind.wrongDigest,
    (*_COUNTERS, 6, 0): errind.decryptionError,
}


class _Message(typing.NamedTuple):
    """Message of which the scoped PDU is not decoded yet.

    :ivar data: bytes of the message.
    :ivar digest: start and end of the digest.
    :ivar body: position of the scoped PDU.
    """

    data: bytes
    id: int
    flags: int
    engine_id: bytes
    boots: int
    seconds: int
    user: bytes
    digest: tuple[int, int]
    salt: bytes
    body: int

    @property
    def level(self) -> int:
        return self.flags & (_AUTH | _PRIV)


def _parse(data: bytes) -> _Message:
    position, _ = ber.find(data, 0, ber.SEQUENCE)
    version, position = ber.decode_integer(data, position)
    inner, position = ber.find(data, position, ber.SEQUENCE)
    message_id, inner = ber.decode_integer(data, inner)
    _, inner = ber.decode_integer(data, inner)
    flags, inner = ber.decode_octets(data, inner)
    model, inner = ber.decode_integer(data, inner)
    if version != _VERSION or model != _USM:
        raise ValueError('message of another version or security model')
    inner, body = ber.find(data, position, ber.OCTETS)
    inner, _ = ber.find(data, inner, ber.SEQUENCE)
    engine_id, inner = ber.decode_octets(data, inner)
    boots, inner = ber.decode_integer(data, inner)
    seconds, inner = ber.decode_integer(data, inner)
    if not (0 <= boots < _CLOCK_LIMIT and 0 <= seconds < _CLOCK_LIMIT):
        raise ValueError('clock out of range')
    user, inner = ber.decode_octets(data, inner)
    digest = ber.find(data, inner, ber.OCTETS)
    salt, _ = ber.decode_octets(data, digest[1])
    return _Message(
        data,
        message_id,
        flags[0],
        engine_id,
        boots,
        seconds,
        user,
        digest,
        salt,
        body,
    )


def report_error(report: ber.PDU) -> object:
    """Return the error indication of a report; None to send again.

    The device has reported its engine ID, or its clock.
    """
    return _ERRORS.get(_counter(report))


def _counter(report: ber.PDU) -> engine.Oid:
    return report.varbinds[0][0] if report.varbinds else ()


class Security:
    """Security of the messages to and from one device.

    The first message asks for the device's engine ID. The second one, if it
    is authenticated, asks for its clock.

    :param context: context name.
    :ivar boots: number of starts of the device; None if it is unknown.
    """

    def __init__(self, credentials: engine.Credentials, context: str) -> None:
        self._credentials = credentials
        self._user = credentials.user.encode()
        self._context = context.encode()
        self._level = _LEVELS[credentials.level]
        self._engine_id = b''
        self._keys: usm.Keys | None = None
        self.boots: int | None = None
        # Latest snmpEngineTime of the device, and when it was received.
        self._seconds = 0
        self._received = 0.0

    def encode(self, request_id: int, pdu: bytes) -> bytes:
        """Return a message with a request."""
        user, level = self._user, self._level
        if not self._engine_id:
            user, level = b'', 0
            pdu = ber.encode_request(request_id, ())
        boots = self.boots or 0
        seconds = 0 if self.boots is None else self._device_time()
        body = ber.encode(
            ber.SEQUENCE,
            ber.encode(ber.OCTETS, self._engine_id),
            ber.encode(ber.OCTETS, self._context),
            pdu,
        )
        salt = b''
        if self._keys is not None and level & _PRIV:
            body, salt = self._keys.encrypt(body, boots, seconds)
            body = ber.encode(ber.OCTETS, body)
        header = ber.encode(
            ber.SEQUENCE,
            ber.encode_integer(request_id),
            ber.encode_integer(_MAX_MESSAGE_BYTES),
            ber.encode(ber.OCTETS, bytes((level | _REPORTABLE,))),
            ber.encode_integer(_USM),
        )
        clock = ber.encode_integer(boots) + ber.encode_integer(seconds)
        return self._sign(header, clock, user, salt, body)

    def _sign(
        self,
        header: bytes,
        clock: bytes,
        user: bytes,
        salt: bytes,
        body: bytes,
    ) -> bytes:
        """Return a message of encoded parts, with its digest."""
        digest = b'' if self._keys is None else bytes(self._keys.digest_length)
        tail = ber.encode(ber.OCTETS, salt)
        parameters = ber.encode(
            ber.SEQUENCE,
            ber.encode(ber.OCTETS, self._engine_id),
            clock,
            ber.encode(ber.OCTETS, user),
            ber.encode(ber.OCTETS, digest),
            tail,
        )
        message = ber.encode(
            ber.SEQUENCE,
            ber.encode_integer(_VERSION),
            header,
            ber.encode(ber.OCTETS, parameters),
            body,
        )
        if self._keys is None:
            return message
        start = len(message) - len(body) - len(tail) - len(digest)
        return self._keys.sign(message, start)

    def decode(self, data: bytes, request_id: int) -> ber.PDU:
        """Return the response to a request, or a report.

        :raises ValueError, IndexError: if the message is malformed, is not
            authentic, or belongs to another request.
        """
        message = _parse(data)
        if message.id != request_id:
            raise ValueError('response to another request')
        if not self._engine_id:
            return self._discover(message)
        if message.engine_id != self._engine_id:
            raise ValueError('message of another engine')
        if message.level & ~self._level or message.level == _PRIV:
            raise ValueError('message of another security level')
        if message.level & _AUTH:
            self._authenticate(message)
        pdu = self._decode_body(message)
        if pdu.tag == ber.REPORT:
            self._check_report(message, pdu)
        else:
            self._check_response(message, pdu, request_id)
        return pdu

    def _discover(self, message: _Message) -> ber.PDU:
        """Take the device's engine ID from its report."""
        pdu = self._decode_body(message)
        if pdu.tag != ber.REPORT or not message.engine_id or message.level:
            raise ValueError('no report of an engine ID')
        if self._level:
            self._keys = usm.Keys(self._credentials, message.engine_id)
        self._engine_id = message.engine_id
        return pdu

    def _authenticate(self, message: _Message) -> None:
        """Verify digest, user and time, and set the clock."""
        assert self._keys is not None
        start, end = message.digest
        if end - start != self._keys.digest_length:
            raise ValueError('digest with a wrong length')
        self._keys.verify(message.data, start)
        if message.user != self._user:
            raise ValueError('message of another user')
        self._synchronize(message)

    def _synchronize(self, message: _Message) -> None:
        """Set the clock to that of a message (RFC 3414, section 3.2.7).

        :raises ValueError: if the message is too old.
        """
        boots = -1 if self.boots is None else self.boots
        if message.boots > boots or (
            message.boots == boots and message.seconds > self._seconds
        ):
            self.boots, self._seconds = message.boots, message.seconds
            self._received = time.monotonic()
        elif (
            message.boots < boots
            or message.seconds < self._device_time() - _TIME_WINDOW_S
        ):
            raise ValueError('message outside of the time window')

    def _device_time(self) -> int:
        return self._seconds + int(time.monotonic() - self._received)

    def _decode_body(self, message: _Message) -> ber.PDU:
        """Return the PDU of a message."""
        data, position = message.data, message.body
        if message.level & _PRIV:
            assert self._keys is not None
            encrypted, _ = ber.decode_octets(data, position)
            data = self._keys.decrypt(
                encrypted, message.boots, message.seconds, message.salt
            )
            position = 0
        position, _ = ber.find(data, position, ber.SEQUENCE)
        engine_id, position = ber.decode_octets(data, position)
        context, position = ber.decode_octets(data, position)
        pdu = ber.decode_pdu(data, position)
        if pdu.tag == ber.RESPONSE and (
            engine_id != self._engine_id or context != self._context
        ):
            raise ValueError('response of another context')
        return pdu

    def _check_report(self, message: _Message, pdu: ber.PDU) -> None:
        """Check that a report is an error, or an authentic one of the clock.

        A device that was replaced by another one reports that it does not
        know the engine ID. Such a report is not authentic.
        """
        counter = _counter(pdu)
        if counter in _ERRORS:
            return
        if counter != _NOT_IN_TIME_WINDOWS or not message.level & _AUTH:
            raise ValueError('unexpected report')

    def _check_response(
        self, message: _Message, pdu: ber.PDU, request_id: int
    ) -> None:
        """Check that a response has the security level of its request."""
        if pdu.tag != ber.RESPONSE or pdu.request_id != request_id:
            raise ValueError('response to another request')
        if message.level != self._level:
            raise ValueError('response of another security level')
        if not self._level:
            self.boots = message.boots
