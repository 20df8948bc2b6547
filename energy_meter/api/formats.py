# SPDX-License-Identifier: Apache-2.0

"""Formats of responses with energy, and links to the next ones."""

import collections.abc
import urllib.parse

import pecan
import webob
from webob import acceptparse

from energy_meter.api import energy_documents
from energy_meter.api import periods
from energy_meter.web import path
from energy_meter.web import router

_JSON, CSV = 'application/json', 'text/csv'
_FORMATS = {'json': _JSON, 'csv': CSV}


def content_type(parameters: periods.Parameters) -> str:
    """Return the media type of a response, JSON by default."""
    if 'format' in parameters:
        if parameters['format'] not in _FORMATS:
            raise periods.invalid('format', 'expected json or csv')
        return _FORMATS[parameters['format']]
    accept = acceptparse.create_accept_header(
        pecan.request.environ[router.ACCEPT]
    )
    offers = accept.acceptable_offers([_JSON, CSV])
    return offers[0][0] if offers else _JSON


def following(
    segments: collections.abc.Iterable[str],
    request: periods.Request,
    marker: str | None,
) -> str:
    """Return the URL of the next response; the period stays the same."""
    parameters = {
        **pecan.request.environ[path.PARAMETERS],
        'start': energy_documents.iso(request.start),
        'end': energy_documents.iso(request.end),
        'marker': marker,
    }
    return (
        '/'.join(
            [
                pecan.request.application_url,
                *(
                    urllib.parse.quote(segment, safe='')
                    for segment in segments
                ),
            ]
        )
        + f'?{urllib.parse.urlencode(parameters)}'
    )


def link(
    response: webob.Response, content_type: str, following: str | None
) -> webob.Response:
    """Return the response with a link to the next one, if it is CSV."""
    if following is not None and content_type == CSV:
        response.headers['Link'] = f'<{following}>; rel="next"'
    return response
