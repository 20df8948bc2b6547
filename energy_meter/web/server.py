# SPDX-License-Identifier: Apache-2.0

"""HTTP server for installations without uWSGI."""

import ipaddress
import logging
import threading
from wsgiref import types

from cheroot import wsgi
from oslo_config import cfg
from oslo_service import service

from energy_meter import exception

LOG = logging.getLogger(__name__)

#: Requests have no body; the largest header is the token.
_MAX_REQUEST_BYTES = 64 * 1024
_LISTEN_BACKLOG = 128


class HTTPServer(service.ServiceBase):
    """Serves an application on the address of its section.

    :param section: the section with ``bind_host``, ``port``, ``workers``,
        ``auth_strategy`` and ``allow_public_noauth``.
    :param title: name of the application for the log.
    :raises ConfigurationError: if the application would be readable from the
        network without authentication.
    """

    def __init__(
        self,
        application: types.WSGIApplication,
        conf: cfg.ConfigOpts,
        section: str,
        title: str,
    ) -> None:
        self._section = section
        self._title = title
        options = conf[section]
        self._address = options.bind_host, options.port
        if (
            options.auth_strategy == 'noauth'
            and not options.allow_public_noauth
            and not _is_loopback(options.bind_host)
        ):
            raise exception.ConfigurationError(
                file='configuration',
                section=section,
                option='bind_host',
                reason=f'{options.bind_host} is not a loopback address, and '
                'auth_strategy = noauth requires one; to permit access '
                'without authentication, set allow_public_noauth = true',
            )
        self._server = _CherootServer(
            self._address,
            application,
            numthreads=options.workers,
            server_name='energy-meter',
            request_queue_size=_LISTEN_BACKLOG,
        )
        self._thread = threading.Thread(
            target=self._server.serve, name=section, daemon=True
        )

    def start(self) -> None:
        """Start to listen.

        :raises ConfigurationError: if it cannot listen on the address.
        """
        try:
            self._server.prepare()
        except OSError as error:
            raise exception.ConfigurationError(
                file='configuration',
                section=self._section,
                option='bind_host, port',
                reason=f'cannot listen: {error}',
            )
        self._thread.start()
        LOG.info('Serving %s on %s:%d', self._title, *self._address)

    def stop(self) -> None:
        """Finish the running requests and close the connections."""
        self._server.stop()

    def wait(self) -> None:
        """Wait until the server has stopped."""
        self._thread.join()

    def reset(self) -> None:
        """Do nothing: its options require a restart."""


class _CherootServer(wsgi.Server):
    """Cheroot's server with limits, which logs to oslo.log."""

    max_request_header_size = _MAX_REQUEST_BYTES
    max_request_body_size = _MAX_REQUEST_BYTES

    def error_log(
        self, msg: str = '', level: int = logging.INFO, traceback: bool = False
    ) -> None:
        """Log an event of the server."""
        LOG.log(level, '%s', msg, exc_info=traceback)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == 'localhost'
