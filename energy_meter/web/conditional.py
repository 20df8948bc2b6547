# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License. You may obtain
# a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
# WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
# License for the specific language governing permissions and limitations
# under the License.


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
