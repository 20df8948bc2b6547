# SPDX-License-Identifier: Apache-2.0

"""Queries about the queues of a broker."""

import contextlib
import http
import typing
from urllib import parse

import amqp
import kombu.exceptions
from oslo_messaging import transport as messaging_transport
from oslo_messaging._drivers import common as rpc_common
import requests

from energy_meter import exception
from energy_meter.bus import transport as bus_transport

#: The queue of the topic: collectors read it.
QUEUE = f'{bus_transport.TOPIC}.{bus_transport.PRIORITY}'

#: Seconds to wait for RabbitMQ's management plugin.
_TIMEOUT_S = 10

#: Limits in policies. As an argument of a queue each begins with ``x-``.
_LIMITS = ('max-length', 'max-length-bytes')


class Queue(typing.NamedTuple):
    """State of a queue.

    :ivar messages: number of messages that no reader has received yet.
    :ivar readers: number of services that read it now.
    """

    messages: int
    readers: int


def get_queue(
    transport: messaging_transport.NotificationTransport, queue: str = QUEUE
) -> Queue | None:
    """Query a queue over AMQP, without creating it.

    Any user of the virtual host is allowed to.

    :returns: None if the queue does not exist.
    :raises BusUnavailable: if the broker does not answer within seconds.
    """
    name = bus_transport.name(transport)
    pool = getattr(transport._driver, '_connection_pool', None)
    if pool is None:
        raise exception.BusUnavailable(
            bus=name, reason='queues can be queried only on RabbitMQ'
        )
    try:
        # A connection for sending has a thread that would receive the
        # response to this query.
        with contextlib.closing(
            pool.create(rpc_common.PURPOSE_LISTEN, retry=0)
        ) as connection:
            declared = connection.channel.queue_declare(queue, passive=True)
    except amqp.NotFound:
        return None
    except (amqp.AMQPError, kombu.exceptions.KombuError, OSError) as error:
        reason = str(error)
    else:
        return Queue(declared.message_count, declared.consumer_count)
    raise exception.BusUnavailable(bus=name, reason=reason)


def is_bounded(
    management_url: str, virtual_host: str, queue: str = QUEUE
) -> bool | None:
    """Return whether the length of a queue is limited.

    This queries RabbitMQ's management plugin.

    :param management_url: ``http[s]://user:password@host:port``. The user
        needs the tag ``management`` and any permission in the virtual host.
    :returns: None if the queue does not exist, or if the plugin does not know
        it yet. New queues and policies become visible after some seconds.
    :raises ConfigurationError: if the URL is invalid.
    :raises BusUnavailable: if the plugin does not answer.
    """
    path = '/'.join(
        parse.quote(part, safe='') for part in (virtual_host, queue)
    )
    document = _fetch(management_url, f'/api/queues/{path}')
    if document is None or 'effective_policy_definition' not in document:
        return None
    policy = document['effective_policy_definition'] or {}
    arguments = document.get('arguments') or {}
    return any(
        limit in policy or f'x-{limit}' in arguments for limit in _LIMITS
    )


def _split(management_url: str) -> parse.SplitResult:
    try:
        parts = parse.urlsplit(management_url)
        # If the password contains a /, the rest of it looks like the path.
        if (
            parts.hostname
            and parts.port != 0
            and '@' not in ''.join(parts[2:])
        ):
            return parts
    except ValueError:
        pass
    # Raised outside the handler, because the text of the ValueError may
    # contain the password.
    raise exception.ConfigurationError(
        file='configuration',
        section='bus',
        option='management_url',
        reason='expected a URL such as https://monitor:PASSWORD@host:15671; '
        'in the password write / as %2F and @ as %40',
    )


def _fetch(management_url: str, path: str) -> dict[str, typing.Any] | None:
    parts = _split(management_url)
    base = (
        parts._replace(netloc=parts.netloc.rpartition('@')[2])
        .geturl()
        .rstrip('/')
    )
    try:
        response = requests.get(
            f'{base}{path}',
            timeout=_TIMEOUT_S,
            auth=(
                parse.unquote(parts.username or ''),
                parse.unquote(parts.password or ''),
            ),
        )
        if response.status_code == http.HTTPStatus.NOT_FOUND:
            return None
        response.raise_for_status()
        document = response.json()
    except (requests.RequestException, ValueError) as error:
        reason = str(error)
    else:
        if isinstance(document, dict):
            return document
        reason = 'the response is not a JSON object'
    raise exception.BusUnavailable(bus=base, reason=reason)
