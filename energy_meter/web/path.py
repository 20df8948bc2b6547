# SPDX-License-Identifier: Apache-2.0

"""Path segments and parameters of a request, decoded after splitting.

The id of a probe can contain a slash, which clients encode as ``%2F``. In
PATH_INFO, uWSGI and wsgiref have decoded it already, and cheroot leaves it
encoded, like an encoded ``%2F``. Only the request line is unambiguous.
"""

import collections.abc
import re
import urllib.parse
from wsgiref import types

#: Key of the environment with the segments: a tuple, empty for the root.
SEGMENTS = 'energy_meter.segments'

#: Key of the environment with the parameters: a dictionary of strings.
PARAMETERS = 'energy_meter.parameters'

_SLASH = re.compile(b'%2f', re.IGNORECASE)


class Path:
    """Middleware that splits the URL before any part of it is decoded."""

    def __init__(self, application: types.WSGIApplication) -> None:
        self._application = application

    def __call__(
        self,
        environ: types.WSGIEnvironment,
        start_response: types.StartResponse,
    ) -> collections.abc.Iterable[bytes]:
        script = environ.get('SCRIPT_NAME', '')
        if script.endswith('/'):
            # From Apache's mod_proxy_uwsgi. Links would have two slashes.
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
    """Return the decoded segments of the path below the application's root.

    A trailing slash makes no difference.
    """
    script = environ.get('SCRIPT_NAME', '').encode('latin-1')
    path = environ.get('PATH_INFO', '').encode('latin-1')
    encoded = environ.get('REQUEST_URI', '').partition('?')[0]
    decoded = urllib.parse.unquote_to_bytes(encoded)
    # A server or proxy can have mapped the request line to another path.
    if _SLASH.sub(b'/', decoded) != _SLASH.sub(b'/', script + path):
        encoded = urllib.parse.quote(script + path)
    segments = encoded.rstrip('/').split('/')[script.count(b'/') + 1 :]
    return tuple(urllib.parse.unquote(segment) for segment in segments)
