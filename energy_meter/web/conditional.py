# SPDX-License-Identifier: Apache-2.0


"""Answers with 304 where the client has the document already."""

import collections.abc
import hashlib

import pecan
import webob


def answer(
    shown: object,
    content_type: str,
    document: collections.abc.Callable[[], bytes],
) -> webob.Response:
    """Answer with a document, or with 304 if the client has it already.

    :param shown: differs whenever the document does.
    :param document: makes it.
    """
    tag = hashlib.sha256(repr(shown).encode()).hexdigest()[:32]
    response = webob.Response(content_type=content_type)
    response.etag = (tag, False)
    # A cache may keep it, but has to ask, with the client's own token.
    response.cache_control = 'private, no-cache'
    response.vary = ('X-Auth-Token',)
    if tag in pecan.request.if_none_match:
        response.status = 304
    else:
        response.body = document()
    return response
