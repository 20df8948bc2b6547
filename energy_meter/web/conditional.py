# SPDX-License-Identifier: Apache-2.0

"""Conditional responses: 304 if the client has the document already."""

import collections.abc
import hashlib

import pecan
import webob

_FOREVER = 'private, max-age=31536000, immutable'


def answer(
    fingerprint: object,
    content_type: str,
    document: collections.abc.Callable[[], bytes],
) -> webob.Response:
    """Return a response with the document, or 304 if it has not changed.

    :param fingerprint: a value that changes whenever the document does; the
        ETag is computed from its ``repr()``.
    :param document: returns the document; not called for a 304 response.
    """
    response = _response(content_type, _tag(repr(fingerprint).encode()), False)
    if response.status_code != 304:
        response.body = document()
    return response


def content(body: bytes, content_type: str, immutable: bool) -> webob.Response:
    """Return a response with a strong ETag, which is that of its body.

    :param immutable: whether it will never change.
    """
    response = _response(content_type, _tag(body), True)
    if response.status_code != 304:
        response.body = body
    if immutable:
        response.cache_control = _FOREVER
    return _vary(response)


def stream(
    pieces: collections.abc.Iterable[bytes],
    content_type: str,
    fingerprint: object | None,
) -> webob.Response:
    """Return a response that is sent while it is made.

    :param pieces: is closed after the last one, or as soon as no further ones
        are needed.
    :param fingerprint: a value that changes whenever the document does; None
        if there is none, and so no ETag.
    """
    tag = _tag(repr(fingerprint).encode()) if fingerprint else None
    response = _response(content_type, tag, False)
    if response.status_code != 304:
        response.app_iter = pieces
    return _vary(response)


def _tag(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()[:32]


def _response(
    content_type: str, tag: str | None, is_strong: bool
) -> webob.Response:
    response = webob.Response(content_type=content_type)
    # A cache may store it, but must revalidate it with the client's token.
    response.cache_control = 'private, no-cache'
    response.vary = ('X-Auth-Token',)
    if tag is not None:
        response.etag = (tag, is_strong)
        if tag in pecan.request.if_none_match:
            response.status = 304
    return response


def _vary(response: webob.Response) -> webob.Response:
    response.vary = ('X-Auth-Token', 'Accept')
    return response
