# SPDX-License-Identifier: Apache-2.0

"""HTTP server of a service."""

import ipaddress
import logging
import threading
from wsgiref import types

from oslo_config import cfg
from oslo_service import service

from energy_meter import exception
from energy_meter.web import connections

LOG = logging.getLogger(__name__)

#: Maximum number of connections of the API and of the pages that wait for a
#: request. Three servers of a process stay below 1024 open files.
_MAX_CONNECTIONS = 256


class HTTPServer(service.ServiceBase):
    """Serves an application on the address of its section.

    :param section: the section with ``bind_host`` and ``port``.
    :param title: name of the application for the log.
    :param workers: number of requests that are served concurrently.
    :param max_connections: maximum number of connections that wait for a
        request.
    """

    def __init__(
        self,
        application: types.WSGIApplication,
        conf: cfg.ConfigOpts,
        section: str,
        title: str,
        workers: int,
        max_connections: int,
    ) -> None:
        self._section = section
        self._title = title
        self._address = conf[section].bind_host, conf[section].port
        self._server = connections.Server(
            self._address, application, workers, max_connections
        )
        self._thread = threading.Thread(
            target=self._server.serve, name=section, daemon=True
        )

    def start(self) -> None:
        """Start to listen.

        :raises ConfigurationError: if it cannot listen on the address.
        """
        host, port = self._address
        try:
            self._server.prepare()
        except OSError as error:
            raise exception.ConfigurationError(
                file='configuration',
                section=self._section,
                option='bind_host, port',
                reason=f'cannot listen on {host}:{port}: {error}; each '
                'service needs its own port',
            )
        self._thread.start()
        LOG.info('Serving %s on %s:%d', self._title, *self._server.bind_addr)

    def stop(self) -> None:
        """Finish the running requests and close the connections."""
        self._server.stop()

    def wait(self) -> None:
        """Wait until the server has stopped."""
        self._thread.join()

    def reset(self) -> None:
        """Do nothing: its options require a restart."""


def serve(
    application: types.WSGIApplication,
    conf: cfg.ConfigOpts,
    section: str,
    title: str,
) -> HTTPServer:
    """Return the server of the API or of the pages.

    :param section: the section with ``bind_host``, ``port``, ``workers``,
        ``auth_strategy`` and ``allow_public_noauth``.
    :param title: name of the application for the log.
    :raises ConfigurationError: if the application would be readable from the
        network without authentication.
    """
    options = conf[section]
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
    return HTTPServer(
        application, conf, section, title, options.workers, _MAX_CONNECTIONS
    )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == 'localhost'
