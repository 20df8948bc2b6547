# SPDX-License-Identifier: Apache-2.0

"""Messages as a broker delivers them, and their bounds.

Publishers divide what they send so that no message exceeds the bounds.

Any user who may publish can fill a message with any content, so its size is
checked before it is parsed, and it is parsed only when its turn has come. The
messages that wait in memory are therefore not larger than they were on the
wire. 100 MiB of ``{}`` took 3.5 GB otherwise, in each reader.
"""

import collections.abc
import typing

from kombu.transport import pyamqp
import orjson
from oslo_messaging._drivers import common as rpc_common

from energy_meter import exception
from energy_meter.bus import envelope

#: Maximum length of a message on the wire, in bytes.
MAX_MESSAGE_BYTES = 4 * 1024 * 1024
#: Maximum size of the envelopes of a message before they are encoded as JSON
#: twice, which makes up to four bytes of one: a quotation mark in a body
#: becomes ``\\\\\\"``.
_MAX_CONTENT_BYTES = envelope.MAX_BODY_BYTES
#: Size of an envelope without its body and the name of its agent.
_ENVELOPE_BYTES = 300
#: Maximum number of envelopes in a message.
MAX_ENVELOPES = 2000
#: A message that was delivered more often without being handled is dropped:
#: each time its reader ended or lost its connection. An outage of the
#: database counts once for each restart, and otherwise every 30 minutes.
MAX_REDELIVERIES = 100

_DELIVERY_COUNT = 'x-delivery-count'
_CONTEXT = '_context_'
_RAW = 'energy_meter.raw'
_VERSION, _WRAPPED = rpc_common._VERSION_KEY, rpc_common._MESSAGE_KEY


class Message(typing.NamedTuple):
    """A message with its context.

    :ivar context: of the notification. It is neither signed nor checked.
    :ivar envelopes: ``[None]`` if the message has no list of them.
    """

    context: dict[str, object]
    envelopes: list[object]


class _Raw(typing.NamedTuple):
    """A message that is not parsed yet.

    :ivar size: on the wire, in bytes.
    :ivar redeliveries: number of deliveries before this one.
    :ivar body: empty if the message exceeds the maximum.
    """

    size: int
    redeliveries: object
    body: bytes

    def __repr__(self) -> str:
        # oslo.messaging traces messages.
        return f'<{self.size} bytes>'


class _RawMessage(pyamqp.Message):
    """A message that oslo.messaging hands on without parsing it.

    Its headers are dropped, because kombu would decompress what they declare
    compressed, whatever the size.
    """

    def __init__(
        self, received: typing.Any, channel: object = None, **options: object
    ) -> None:
        headers = received.properties.pop('application_headers', None) or {}
        size = len(received.body)
        if size > MAX_MESSAGE_BYTES:
            received.body = b''
        super().__init__(  # type: ignore[no-untyped-call]
            received, channel=channel, **options
        )
        self._raw = _Raw(size, headers.get(_DELIVERY_COUNT), self.body)

    @property
    def payload(self) -> dict[str, _Raw]:
        return {_RAW: self._raw}


def postpone_parsing() -> None:
    """Deliver messages of RabbitMQ unparsed, for :func:`read`.

    This affects all connections of this process.
    """
    pyamqp.Channel.Message = _RawMessage  # type: ignore[assignment]


def size(incoming: typing.Any) -> int:
    """Return the size of a message in memory, in bytes.

    :param incoming: as oslo.messaging delivers it. The size of one that its
        drivers for other brokers have parsed is not known: 0.
    """
    content = incoming.message
    if isinstance(content, dict) and isinstance(content.get(_RAW), _Raw):
        return len(content[_RAW].body)
    return 0


def read(incoming: typing.Any) -> Message:
    """Parse a message.

    :param incoming: as oslo.messaging delivers it. Its drivers for other
        brokers have parsed it already.
    :raises RejectedMessage: if it is too large, was delivered too often, or
        is not a notification.
    """
    content, context = incoming.message, incoming.ctxt
    if isinstance(content, dict) and isinstance(content.get(_RAW), _Raw):
        content = _parse(content[_RAW])
        context = {
            key.removeprefix(_CONTEXT): value
            for key, value in content.items()
            if key.startswith(_CONTEXT)
        }
    return Message(context, _envelopes(content))


def split(
    envelopes: collections.abc.Iterable[envelope.Envelope],
) -> collections.abc.Iterator[list[envelope.Envelope]]:
    """Divide envelopes into messages that readers accept."""
    part: list[envelope.Envelope] = []
    total = 0
    for outgoing in envelopes:
        text = outgoing['agent_name'] + outgoing['body']
        size = _ENVELOPE_BYTES + len(text.encode())
        if part and (
            total + size > _MAX_CONTENT_BYTES or len(part) == MAX_ENVELOPES
        ):
            yield part
            part, total = [], 0
        part.append(outgoing)
        total += size
    if part:
        yield part


def _parse(raw: _Raw) -> dict[str, typing.Any]:
    _check(raw)
    try:
        content = _unwrap(orjson.loads(raw.body))
    except (TypeError, ValueError):
        content = None
    if not isinstance(content, dict):
        raise _rejected('unreadable', 'not a notification')
    return content


def _unwrap(content: typing.Any) -> typing.Any:
    """Return the notification that oslo.messaging wrapped as text.

    Its own function, with the parser that it uses, takes four times as long.
    """
    if not isinstance(content, dict) or _WRAPPED not in content:
        return content
    if content.get(_VERSION) != rpc_common._RPC_ENVELOPE_VERSION:
        return None
    return orjson.loads(content[_WRAPPED])


def _check(raw: _Raw) -> None:
    if raw.size > MAX_MESSAGE_BYTES:
        raise _rejected(
            'too_large',
            f'a message of {raw.size} bytes, maximum {MAX_MESSAGE_BYTES}',
        )
    count = raw.redeliveries
    if isinstance(count, int) and count > MAX_REDELIVERIES:
        raise _rejected(
            'redelivered',
            f'a message of {raw.size} bytes was delivered {count} times '
            'without being handled',
        )


def _envelopes(content: object) -> list[object]:
    payload = content.get('payload') if isinstance(content, dict) else None
    envelopes = payload.get('envelopes') if isinstance(payload, dict) else None
    if not isinstance(envelopes, list):
        return [None]
    if len(envelopes) > MAX_ENVELOPES:
        raise _rejected(
            'too_large',
            f'a message of {len(envelopes)} envelopes, maximum '
            f'{MAX_ENVELOPES}',
        )
    return envelopes


def _rejected(reason: str, detail: str) -> exception.RejectedMessage:
    return exception.RejectedMessage(reason=reason, detail=detail)


#: Called with the reason when a message, or a part of it, is dropped.
OnReject = collections.abc.Callable[[exception.RejectedMessage], None]
