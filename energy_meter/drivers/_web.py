# SPDX-License-Identifier: Apache-2.0


"""What the drivers that speak HTTP have in common."""

import ssl
import typing
import urllib.parse

from oslo_config import cfg

from energy_meter import exception

OPTS = (
    cfg.StrOpt('username', default='', help='User name, if one is asked for.'),
    cfg.StrOpt('password', default='', secret=True, help='Its password.'),
    cfg.BoolOpt(
        'verify',
        default=True,
        help="Verify the server's certificate. Without it anybody in "
        'between can read the password and forge readings.',
    ),
    cfg.StrOpt(
        'ca_file',
        help='File with the certificates of the authorities to trust '
        'instead of the usual ones.',
    ),
    cfg.FloatOpt(
        'timeout',
        default=10.0,
        min=0.1,
        help='Longest wait for an answer, in seconds.',
    ),
)


def verification(options: typing.Any) -> bool | str:
    """Give requests' ``verify`` argument for the options.

    :raises DriverError: when the file of authorities can't be read.
    """
    if not options.verify:
        return False
    check_ca_file(options.ca_file)
    return options.ca_file or True


def check_ca_file(path: str | None) -> None:
    """Make sure that a file of authorities, if there is one, is readable.

    :raises DriverError: when it isn't. (The libraries don't name it.)
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
    """Make sure that a URL is one that can be asked.

    :raises DriverError: when it isn't; its text doesn't show the URL, which
        may hold a password.
    """
    try:
        parts = urllib.parse.urlsplit(url)
        sound = (
            parts.scheme in ('http', 'https')
            and parts.hostname
            and parts.port != 0
        )
    except ValueError:
        sound = False
    if not sound:
        raise exception.DriverError(
            reason='url: expected http://HOST... or https://HOST...'
        )


def masked(url: str) -> str:
    """Give a URL without what may be secret: user, password and query."""
    parts = urllib.parse.urlsplit(url)
    host = parts.netloc.rpartition('@')[2]
    return f'{parts.scheme}://{host}{parts.path}'


def reason(error: BaseException) -> str:
    """Tell why a request failed.

    The errors of requests and sushy show the URL with its secrets; the
    system's own error at their root doesn't.
    """
    while (cause := error.__cause__ or error.__context__) is not None:
        error = cause
    return str(error) or type(error).__name__
