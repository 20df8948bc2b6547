# SPDX-License-Identifier: Apache-2.0

"""Error responses, all in one format."""

import collections.abc
import http.client
import logging
import typing
from wsgiref import types

from keystoneauth1 import exceptions as keystone_exceptions
from oslo_context import context
from oslo_db import exception as db_exception
from oslo_middleware import request_id
import sqlalchemy as sa
import webob
import webob.dec
from wsme import exc as wsme_exc

from energy_meter import exception
from energy_meter import log_throttle

LOG = logging.getLogger(__name__)

_MESSAGES = {
    400: 'Bad request.',
    401: 'Valid credentials are required.',
    404: 'No resource exists at this URL.',
    405: 'Method not allowed; this API is read-only.',
    500: 'Internal error. For details, search the log of the service for the '
    'request ID of this response.',
    503: 'The service, or one that it depends on, is unavailable. Try again '
    'later.',
}

_DATABASE_ERRORS = (db_exception.DBError, sa.exc.SQLAlchemyError)


class Error(typing.NamedTuple):
    """An error as it is reported to a client.

    :ivar title: reason phrase of the status code.
    """

    code: int
    title: str
    message: str


#: Sets the body and content type of an error response.
Render = collections.abc.Callable[[webob.Request, webob.Response, Error], None]


def as_json(
    _request: webob.Request, response: webob.Response, error: Error
) -> None:
    """Set ``{"error": {"code": 404, "title": "...", "message": "..."}}``."""
    response.json = {'error': error._asdict()}
    response.content_type = 'application/json'


class Errors:
    """Middleware that renders all errors in the same format.

    Clients see neither the texts of exceptions, except WSME's
    ``ClientSideError``, nor the error pages of other middleware.

    :param render: writes the body of error responses.
    """

    def __init__(
        self, application: types.WSGIApplication, render: Render
    ) -> None:
        self._application = application
        self._render = render
        self._throttled_log = log_throttle.ThrottledLogger(LOG)

    @webob.dec.wsgify
    def __call__(self, request: webob.Request) -> webob.Response:
        # oslo.log reads the request ID of log lines from this context.
        context.RequestContext(
            request_id=request.environ.get(request_id.ENV_REQUEST_ID)
        )
        try:
            response = request.get_response(self._application)
        except wsme_exc.ClientSideError as error:
            return self._error(
                request, webob.Response(status=error.code), error.faultstring
            )
        except exception.ProbeNotFound:
            return self._error(request, webob.Response(status=404))
        except _DATABASE_ERRORS:
            # The API logs the outages of the database.
            LOG.debug('Request failed', exc_info=True)
            return self._error(request, webob.Response(status=503))
        except keystone_exceptions.ClientException:
            # oslo.log appends the type and the first line of the exception.
            self._throttled_log.warning(
                'Keystone', 'Request failed: Keystone unavailable'
            )
            return self._error(request, webob.Response(status=503))
        except Exception:
            LOG.exception(
                'Request %s %r failed',
                request.method,
                request.environ['PATH_INFO'],
            )
            return self._error(request, webob.Response(status=500))
        return (
            response
            if response.status_code < 400
            else self._error(request, response)
        )

    def _error(
        self,
        request: webob.Request,
        response: webob.Response,
        message: str | None = None,
    ) -> webob.Response:
        """Return the response with the body of an error.

        Its headers stay, such as ``WWW-Authenticate`` and ``Allow``.

        :param message: by default the message of the status code.
        """
        code = response.status_code
        title = http.client.responses.get(code, 'Error')
        # WebOb does not know all codes.
        response.status = f'{code} {title}'
        self._render(
            request,
            response,
            Error(code, title, message or _MESSAGES.get(code, title)),
        )
        response.cache_control = 'no-store'
        return response
