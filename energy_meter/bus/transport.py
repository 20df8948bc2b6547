# SPDX-License-Identifier: Apache-2.0

"""Connections to the bus, and the secrets of its messages."""

import re

from oslo_config import cfg
import oslo_messaging
from oslo_messaging import transport as messaging_transport

from energy_meter import exception
from energy_meter import signing

#: Exchange and topic, the same for publishers and readers.
EXCHANGE = TOPIC = 'energy_meter'
PRIORITY = 'info'

_CREDENTIALS = re.compile(r'//\S*@')


def connect(
    conf: cfg.ConfigOpts,
    url: str | None = None,
    section: str = 'DEFAULT',
    option: str = 'transport_url',
) -> messaging_transport.NotificationTransport:
    """Prepare a connection; it is opened on first use.

    :param url: of the bus; default ``[DEFAULT] transport_url``.
    :param section: section of the URL, for the error.
    :param option: option of the URL, for the error.
    :raises ConfigurationError: if the URL is invalid.
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
        # The URL contains a password: report only its scheme.
        scheme = (url or '').partition(':')[0]
        raise _invalid(
            section,
            option,
            (
                f'invalid URL or unknown scheme {scheme!r}: '
                f'{type(error).__name__}'
            ),
        ) from None


def connect_sources(
    conf: cfg.ConfigOpts,
    section: str,
) -> list[messaging_transport.NotificationTransport]:
    """Prepare connections to all buses that a service reads.

    :param section: section whose option ``sources`` lists their URLs. If the
        list is empty, ``[DEFAULT] transport_url`` is the only bus.
    :raises ConfigurationError: if a URL is invalid.
    """
    try:
        urls = conf[section].sources
    except (cfg.Error, ValueError):
        raise _invalid(section, 'sources', 'cannot be parsed') from None
    return [connect(conf, url, section, 'sources') for url in urls] or [
        connect(conf)
    ]


def name(transport: messaging_transport.NotificationTransport) -> str:
    """Return the URL of a bus without users and passwords, for the log."""
    url = transport._driver._url
    hosts = ','.join(
        f'{host.hostname}:{host.port or "default port"}' for host in url.hosts
    )
    return f'{url.transport}://{hosts}/{url.virtual_host or ""}'


def virtual_host(transport: messaging_transport.NotificationTransport) -> str:
    """Return the name of the RabbitMQ virtual host of a bus."""
    return transport._driver._url.virtual_host or '/'


def explain(error: BaseException) -> str:
    """Describe an error of a bus in one line, without credentials."""
    text = hide_credentials(str(error).partition('\n')[0])
    return f'{type(error).__name__}: {text}' if text else type(error).__name__


def hide_credentials(text: str) -> str:
    """Replace users and passwords in URLs."""
    return _CREDENTIALS.sub('//***@', text)


def secrets(conf: cfg.ConfigOpts) -> list[str]:
    """Return the secrets in ``[bus] secrets``; the list may be empty.

    :raises ConfigurationError: if the option is invalid.
    """
    try:
        return [secret for secret in conf.bus.secrets if secret]
    except (cfg.Error, ValueError):
        raise _invalid('bus', 'secrets', 'cannot be parsed') from None


def keyring(conf: cfg.ConfigOpts) -> signing.Keyring:
    """Return a keyring with the secrets in ``[bus] secrets``.

    :raises MissingSecrets: if there are none.
    :raises ConfigurationError: if the option is invalid.
    """
    return signing.Keyring(secrets(conf))


def _invalid(
    section: str, option: str, reason: str
) -> exception.ConfigurationError:
    # oslo.config takes the text after a $ for the name of another option.
    return exception.ConfigurationError(
        file='configuration',
        section=section,
        option=option,
        reason=f'{reason}; a $ must be written as $$',
    )
