# SPDX-License-Identifier: Apache-2.0

"""Conditional responses: 304 if the client has the document already."""

import collections.abc
import hashlib

import pecan
import webob


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
    tag = hashlib.sha256(repr(fingerprint).encode()).hexdigest()[:32]
    response = webob.Response(content_type=content_type)
    response.etag = (tag, False)
    # A cache may store it, but must revalidate it with the client's token.
    response.cache_control = 'private, no-cache'
    response.vary = ('X-Auth-Token',)
    if tag in pecan.request.if_none_match:
        response.status = 304
    else:
        response.body = document()
    return response
