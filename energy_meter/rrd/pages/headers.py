# SPDX-License-Identifier: Apache-2.0


"""What browsers may do with an answer."""

import collections.abc
import typing
from wsgiref import types

#: Pages use what this server serves, and nothing else. A picture that was
#: fetched is shown from memory (blob:).
_PAGE = (
    "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' blob:; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)

#: An SVG that is opened by itself styles its own elements.
_PICTURE = "default-src 'none'; style-src 'unsafe-inline'"

_HEADERS = [
    ('X-Content-Type-Options', 'nosniff'),
    ('Referrer-Policy', 'same-origin'),
    ('Cross-Origin-Resource-Policy', 'same-origin'),
]


class Headers:
    """Middleware: adds to every answer what browsers may do with it."""

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
            picture = any(
                name.lower() == 'content-type' and value.startswith('image/')
                for name, value in headers
            )
            policy = _PICTURE if picture else _PAGE
            return start_response(
                status,
                [*headers, *_HEADERS, ('Content-Security-Policy', policy)],
                *more,
            )

        return self._application(environ, start)
