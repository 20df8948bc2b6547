# SPDX-License-Identifier: Apache-2.0

"""The connection to the bus."""

import re

from oslo_config import cfg
import oslo_messaging
from oslo_messaging import transport as messaging_transport

from energy_meter import exception
from energy_meter import signing

#: Exchange and topic; publishers and readers have to agree.
EXCHANGE = TOPIC = 'energy_meter'
PRIORITY = 'info'

_CREDENTIALS = re.compile(r'//\S*@')


def connect(
    conf: cfg.ConfigOpts,
    url: str | None = None,
    section: str = 'DEFAULT',
    option: str = 'transport_url',
) -> messaging_transport.NotificationTransport:
    """Prepare a connection; nothing is connected before it is used.

    :param url: another bus than ``[DEFAULT] transport_url``.
    :param section: where the URL stands.
    :param option: which option it is there.
    :raises ConfigurationError: when the URL makes no sense.
    """
    try:
        url = url or conf.transport_url
        return oslo_messaging.get_notification_transport(conf, url=url)
    except (
        cfg.Error,
        oslo_messaging.InvalidTransportURL,
        oslo_messaging.DriverLoadFailure,
        ValueError,
    ) as error:
        # The URL holds a password: only its scheme may be shown.
        scheme = (url or '').partition(':')[0]
        raise _invalid(
            section,
            option,
            (
                f'no bus can be reached by a URL of type {scheme!r}: '
                f'{type(error).__name__}'
            ),
        ) from None


def connect_sources(
    conf: cfg.ConfigOpts,
    section: str,
) -> list[messaging_transport.NotificationTransport]:
    """Prepare connections to all buses that a service reads.

    :param section: whose option ``sources`` has their URLs; if it has none,
        ``[DEFAULT] transport_url`` is the only one.
    :raises ConfigurationError: when a URL makes no sense.
    """
    try:
        urls = conf[section].sources
    except (cfg.Error, ValueError):
        raise _invalid(section, 'sources', 'can not be read') from None
    return [connect(conf, url, section, 'sources') for url in urls] or [
        connect(conf)
    ]


def name(transport: messaging_transport.NotificationTransport) -> str:
    """Name a bus as the log may show it: without users and passwords."""
    url = transport._driver._url
    hosts = ','.join(
        f'{host.hostname}:{host.port or "default port"}' for host in url.hosts
    )
    return f'{url.transport}://{hosts}/{url.virtual_host or ""}'


def virtual_host(transport: messaging_transport.NotificationTransport) -> str:
    """Name the virtual host of RabbitMQ that a bus is in."""
    return transport._driver._url.virtual_host or '/'


def explain(error: BaseException) -> str:
    """Tell in a line why a bus failed, without users and passwords."""
    said = _CREDENTIALS.sub('//***@', str(error).partition('\n')[0])
    return f'{type(error).__name__}: {said}' if said else type(error).__name__


def secrets(conf: cfg.ConfigOpts) -> list[str]:
    """Give the secrets of the bus, of which there may be none.

    :raises ConfigurationError: when they can't be read.
    """
    try:
        return [secret for secret in conf.bus.secrets if secret]
    except (cfg.Error, ValueError):
        raise _invalid('bus', 'secrets', 'can not be read') from None


def keyring(conf: cfg.ConfigOpts) -> signing.Keyring:
    """Give what signs with the secrets of the bus.

    :raises MissingSecrets: when there are none.
    :raises ConfigurationError: when they can't be read.
    """
    return signing.Keyring(secrets(conf))


def _invalid(
    section: str, option: str, reason: str
) -> exception.ConfigurationError:
    # What a $ stands before is taken for the name of another option.
    return exception.ConfigurationError(
        file='configuration',
        section=section,
        option=option,
        reason=f'{reason}; note that a $ is written $$',
    )
