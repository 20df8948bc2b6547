# SPDX-License-Identifier: Apache-2.0

"""Errors: whatever goes wrong, and wherever, the answer has one shape."""

import collections.abc
import http.client
import logging
import typing

from keystoneauth1 import exceptions as keystone_exceptions
from oslo_context import context
from oslo_db import exception as db_exception
from oslo_middleware import request_id
import sqlalchemy as sa
import webob
import webob.dec
from wsme import exc as wsme_exc

from energy_meter import exception

LOG = logging.getLogger(__name__)

_MESSAGES = {
    400: 'The request makes no sense.',
    401: 'The request needs valid credentials.',
    404: 'There is nothing at this URL.',
    405: 'This service only reads: it takes GET and HEAD.',
    500: 'Something went wrong. The log of the service tells what, under '
    'the request id of this answer.',
    503: 'The service, or one that it needs, is unavailable. Try again later.',
}

#: The database, or Keystone in a way that its middleware does not expect.
_UNAVAILABLE = (
    db_exception.DBError,
    sa.exc.SQLAlchemyError,
    keystone_exceptions.ClientException,
)


class Error(typing.NamedTuple):
    """What a client is told of an error.

    :ivar title: the name of the code.
    """

    code: int
    title: str
    message: str


#: Gives a response its body and content type.
Show = collections.abc.Callable[[webob.Request, webob.Response, Error], None]


def as_json(
    _request: webob.Request, response: webob.Response, error: Error
) -> None:
    """Show ``{"error": {"code": 404, "title": "...", "message": "..."}}``."""
    response.json = {'error': error._asdict()}
    response.content_type = 'application/json'


class Errors:
    """Middleware: answers every error in the same shape.

    Texts of exceptions and of other middleware stay inside. The one
    exception whose text is for clients is WSME's ``ClientSideError``.

    :param show: gives them their shape.
    """

    def __init__(self, application: typing.Any, show: Show) -> None:
        self._application = application
        self._show = show

    @webob.dec.wsgify
    def __call__(self, request: webob.Request) -> webob.Response:
        # Lines of the log find the request id here.
        context.RequestContext(
            request_id=request.environ.get(request_id.ENV_REQUEST_ID)
        )
        try:
            response = request.get_response(self._application)
        except wsme_exc.ClientSideError as error:
            return self._shape(
                request, webob.Response(status=error.code), error.faultstring
            )
        except exception.UnknownProbe:
            return self._shape(request, webob.Response(status=404))
        except _UNAVAILABLE:
            # oslo.log adds the type, and the first line, of the exception.
            LOG.error('The database or Keystone failed')
            return self._shape(request, webob.Response(status=503))
        except Exception:
            LOG.exception(
                '%s %r failed', request.method, request.environ['PATH_INFO']
            )
            return self._shape(request, webob.Response(status=500))
        return (
            response
            if response.status_code < 400
            else self._shape(request, response)
        )

    def _shape(
        self,
        request: webob.Request,
        response: webob.Response,
        message: str | None = None,
    ) -> webob.Response:
        """Give an error its body; its other headers stay.

        :param message: by default what there is to say of its code.
        """
        code = response.status_code
        title = http.client.responses.get(code, 'Error')
        self._show(
            request,
            response,
            Error(code, title, message or _MESSAGES.get(code, title)),
        )
        response.cache_control = 'no-store'
        return response
