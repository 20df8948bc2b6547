# SPDX-License-Identifier: Apache-2.0

"""Compressed responses, for clients that accept gzip."""

import collections.abc
from wsgiref import types

import webob

#: Files of probes and images in PNG hardly shrink, or are requested rarely.
_TYPES = frozenset(
    {
        'application/json',
        'image/svg+xml',
        'text/css',
        'text/csv',
        'text/html',
        'text/javascript',
    }
)

#: Smaller responses fit into one packet.
_MIN_BYTES = 1024


class Compression:
    """Middleware that compresses responses.

    The ETags of the pages are weak, so they stay the same.
    """

    def __init__(self, application: types.WSGIApplication) -> None:
        self._application = application

    def __call__(
        self,
        environ: types.WSGIEnvironment,
        start_response: types.StartResponse,
    ) -> collections.abc.Iterable[bytes]:
        request = webob.Request(environ)
        response = request.get_response(self._application)
        response.vary = (*(response.vary or ()), 'Accept-Encoding')
        if (
            request.method == 'GET'
            and response.content_type in _TYPES
            and (response.content_length or 0) >= _MIN_BYTES
            and _accepts_gzip(request)
        ):
            response.encode_content()
        return response(environ, start_response)


def _accepts_gzip(request: webob.Request) -> bool:
    # Without this header, a client accepts any encoding by definition, but may
    # not know it.
    return 'Accept-Encoding' in request.headers and bool(
        request.accept_encoding.acceptable_offers(['gzip'])
    )
