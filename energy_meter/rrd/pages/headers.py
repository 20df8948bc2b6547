# SPDX-License-Identifier: Apache-2.0

"""Security headers of every response."""

import collections.abc
import typing
from wsgiref import types

#: Pages load resources from this server only. Scripts show the graphs that
#: they fetch as ``blob:`` URLs.
_PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' blob:; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)

#: rrdtool's SVG images contain inline styles.
_IMAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'"

_HEADERS = [
    ('X-Content-Type-Options', 'nosniff'),
    ('Referrer-Policy', 'same-origin'),
    ('Cross-Origin-Resource-Policy', 'same-origin'),
]


class Headers:
    """Middleware that adds security headers to every response."""

    def __init__(self, application: types.WSGIApplication) -> None:
        self._application = application

    def __call__(
        self,
        environ: types.WSGIEnvironment,
        start_response: typing.Any,
    ) -> collections.abc.Iterable[bytes]:
        def start(
            status: str, headers: list[tuple[str, str]], *more: typing.Any
        ) -> typing.Any:
            is_image = any(
                name.lower() == 'content-type' and value.startswith('image/')
                for name, value in headers
            )
            policy = _IMAGE_POLICY if is_image else _PAGE_POLICY
            return start_response(
                status,
                [*headers, *_HEADERS, ('Content-Security-Policy', policy)],
                *more,
            )

        return self._application(environ, start)
