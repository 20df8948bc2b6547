# SPDX-License-Identifier: Apache-2.0

"""The segments of the path and the parameters, as the client meant them.

The id of a probe may hold a slash, which the client writes as ``%2F``. In
PATH_INFO uWSGI and wsgiref have decoded it already, and cheroot leaves it,
like a literal ``%2F``, as it is: only the request line tells them apart.
"""

import collections.abc
import re
import urllib.parse
from wsgiref import types

#: Where the segments are in the environment: a tuple, empty for the root.
SEGMENTS = 'energy_meter.segments'

#: Where the parameters are in the environment: a dictionary of strings.
PARAMETERS = 'energy_meter.parameters'

_SLASH = re.compile(b'%2f', re.IGNORECASE)


class Path:
    """Middleware: splits the URL before anything of it is decoded."""

    def __init__(self, application: types.WSGIApplication) -> None:
        self._application = application

    def __call__(
        self,
        environ: types.WSGIEnvironment,
        start_response: types.StartResponse,
    ) -> collections.abc.Iterable[bytes]:
        script = environ.get('SCRIPT_NAME', '')
        if script.endswith('/'):
            # Apache's mod_proxy_uwsgi does that, and links would have two.
            environ['SCRIPT_NAME'] = script.rstrip('/')
            environ['PATH_INFO'] = f'/{environ.get("PATH_INFO", "")}'
        environ[SEGMENTS] = split(environ)
        environ[PARAMETERS] = dict(
            urllib.parse.parse_qsl(
                environ.get('QUERY_STRING', ''), keep_blank_values=True
            )
        )
        return self._application(environ, start_response)


def split(environ: types.WSGIEnvironment) -> tuple[str, ...]:
    """Give the segments of the path below the application's root, decoded.

    With and without a trailing slash they are the same.
    """
    script = environ.get('SCRIPT_NAME', '').encode('latin-1')
    path = environ.get('PATH_INFO', '').encode('latin-1')
    written = environ.get('REQUEST_URI', '').partition('?')[0]
    decoded = urllib.parse.unquote_to_bytes(written)
    # A server or proxy may have mapped the request line to another path.
    if _SLASH.sub(b'/', decoded) != _SLASH.sub(b'/', script + path):
        written = urllib.parse.quote(script + path)
    written = written.rstrip('/')
    below = written.split('/')[script.count(b'/') + 1 :]
    return tuple(urllib.parse.unquote(segment) for segment in below)
