# SPDX-License-Identifier: Apache-2.0

"""Options of the drivers that use HTTP, URLs, and errors without secrets."""

import ssl
import typing
import urllib.parse

from oslo_config import cfg

from energy_meter import exception

OPTS = (
    cfg.StrOpt(
        'username',
        default='',
        help='User name, if the server requires authentication.',
    ),
    cfg.StrOpt(
        'password',
        default='',
        secret=True,
        help='Password of the user.',
    ),
    cfg.BoolOpt(
        'verify',
        default=True,
        help="Verify the server's certificate. Without verification, an "
        'attacker on the network path can read the password and forge '
        'readings.',
    ),
    cfg.StrOpt(
        'ca_file',
        help='File with the CA certificates to trust instead of the default '
        'ones.',
    ),
    cfg.FloatOpt(
        'timeout',
        default=10.0,
        min=0.1,
        help='Maximum time in seconds of a request, from connecting to the '
        'last byte of the response.',
    ),
)


def verification(options: typing.Any) -> bool | str:
    """Return the ``verify`` argument of requests for these options.

    :raises DriverError: if the CA file cannot be read.
    """
    if not options.verify:
        return False
    check_ca_file(options.ca_file)
    return options.ca_file or True


def check_ca_file(path: str | None) -> None:
    """Check that a CA file, if there is one, can be read.

    The error texts of the HTTP and MQTT libraries do not contain its path.

    :raises DriverError: if it cannot be read.
    """
    if not path:
        return
    try:
        ssl.create_default_context(cafile=path)
    except OSError as e:
        raise exception.DriverError(
            reason=f'ca_file = {path}: {e.strerror or e}'
        )


def check(url: str) -> None:
    """Check that a URL is a valid HTTP or HTTPS URL.

    :raises DriverError: if it is not. The text does not contain the URL,
        which may include a password.
    """
    try:
        parts = urllib.parse.urlsplit(url)
        is_valid = (
            parts.scheme in ('http', 'https')
            and parts.hostname
            and parts.port != 0
        )
    except ValueError:
        is_valid = False
    if not is_valid:
        raise exception.DriverError(
            reason='url: expected http://HOST... or https://HOST...'
        )


def masked(url: str) -> str:
    """Return a URL without its user, password and query."""
    parts = urllib.parse.urlsplit(url)
    host = parts.netloc.rpartition('@')[2]
    return f'{parts.scheme}://{host}{parts.path}'


def reason(error: BaseException) -> str:
    """Return why a request failed, without secrets.

    The errors of requests contain the URL with its secrets. The
    system's error that caused them does not.
    """
    error = root_cause(error)
    return str(error) or type(error).__name__


def root_cause(error: BaseException) -> BaseException:
    """Return the error that an error and those in between go back to."""
    while (cause := error.__cause__ or error.__context__) is not None:
        error = cause
    return error
