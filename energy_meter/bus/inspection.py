# SPDX-License-Identifier: Apache-2.0

"""What a broker says of the queues of the bus."""

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

#: The topic's own queue: collectors read it.
QUEUE = f'{bus_transport.TOPIC}.{bus_transport.PRIORITY}'

#: Seconds to wait for RabbitMQ's management plugin.
_TIMEOUT = 10

#: Of policies; as an argument of a queue each begins with ``x-``.
_BOUNDS = ('max-length', 'max-length-bytes')


class Queue(typing.NamedTuple):
    """A queue, as a broker sees it.

    :ivar messages: how many wait, beside those that readers hold already.
    :ivar readers: how many services read it now.
    """

    messages: int
    readers: int


def look(
    transport: messaging_transport.NotificationTransport, queue: str = QUEUE
) -> Queue | None:
    """Ask for a queue by AMQP; it is not made.

    Any user of the virtual host may ask.

    :returns: None when there is no such queue.
    :raises BusUnavailable: when the broker can't be asked, within seconds.
    """
    name = bus_transport.name(transport)
    pool = getattr(transport._driver, '_connection_pool', None)
    if pool is None:
        raise exception.BusUnavailable(
            bus=name, reason='only RabbitMQ can be asked for its queues'
        )
    try:
        # One that writes has a thread, which reads the answers of others.
        with contextlib.closing(
            pool.create(rpc_common.PURPOSE_LISTEN, retry=0)
        ) as connection:
            found = connection.channel.queue_declare(queue, passive=True)
    except amqp.NotFound:
        return None
    except (amqp.AMQPError, kombu.exceptions.KombuError, OSError) as error:
        reason = str(error)
    else:
        return Queue(found.message_count, found.consumer_count)
    raise exception.BusUnavailable(bus=name, reason=reason)


def is_bounded(
    management_url: str, virtual_host: str, queue: str = QUEUE
) -> bool | None:
    """Ask RabbitMQ's management plugin whether a queue can not grow for ever.

    :param management_url: ``http[s]://user:password@host:port``, of a user
        who has the tag ``management``, and any permission in that virtual
        host.
    :returns: None when there is no such queue, or the plugin does not know it
        yet; that, as a change of a policy, takes it some seconds.
    :raises ConfigurationError: when the URL makes no sense.
    :raises BusUnavailable: when the plugin can't be asked.
    """
    path = '/'.join(
        parse.quote(word, safe='') for word in (virtual_host, queue)
    )
    found = _fetch(management_url, f'/api/queues/{path}')
    if found is None or 'effective_policy_definition' not in found:
        return None
    policy = found['effective_policy_definition'] or {}
    arguments = found.get('arguments') or {}
    return any(
        bound in policy or f'x-{bound}' in arguments for bound in _BOUNDS
    )


def _split(management_url: str) -> parse.SplitResult:
    try:
        parts = parse.urlsplit(management_url)
        # With a / in the password its rest seems to be the path.
        if (
            parts.hostname
            and parts.port != 0
            and '@' not in ''.join(parts[2:])
        ):
            return parts
    except ValueError:
        pass
    # Outside the handler: the text of the former may have the password.
    raise exception.ConfigurationError(
        file='configuration',
        section='bus',
        option='management_url',
        reason='expected a URL such as https://monitor:PASSWORD@host:15671; '
        'in the password a / is written %2F, an @ %40',
    )


def _fetch(management_url: str, path: str) -> dict[str, typing.Any] | None:
    parts = _split(management_url)
    base = (
        parts._replace(netloc=parts.netloc.rpartition('@')[2])
        .geturl()
        .rstrip('/')
    )
    try:
        answer = requests.get(
            f'{base}{path}',
            timeout=_TIMEOUT,
            auth=(
                parse.unquote(parts.username or ''),
                parse.unquote(parts.password or ''),
            ),
        )
        if answer.status_code == http.HTTPStatus.NOT_FOUND:
            return None
        answer.raise_for_status()
        found = answer.json()
    except (requests.RequestException, ValueError) as error:
        reason = str(error)
    else:
        if isinstance(found, dict):
            return found
        reason = 'the answer is no JSON object'
    raise exception.BusUnavailable(bus=base, reason=reason)
