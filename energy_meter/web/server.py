# SPDX-License-Identifier: Apache-2.0

"""An HTTP server, for installations without uWSGI."""

import ipaddress
import logging
import threading
import typing

from cheroot import wsgi
from oslo_config import cfg
from oslo_service import service

from energy_meter import exception

LOG = logging.getLogger(__name__)

#: Requests have no body, and headers of the size of a token.
_LARGEST_REQUEST = 64 * 1024
_BACKLOG = 128


class Server(service.ServiceBase):
    """Serves an application on the address of its section.

    :param section: has ``bind_host``, ``port``, ``threads`` and who is let
        in.
    :param title: what is served, for the log.
    :raises ConfigurationError: when everybody on the network could read.
    """

    def __init__(
        self,
        application: typing.Any,
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
            and not options.noauth_anywhere
            and not _is_loopback(options.bind_host)
        ):
            raise exception.ConfigurationError(
                file='configuration',
                section=section,
                option='bind_host',
                reason=f'{options.bind_host} is not a loopback address, and '
                'with auth_strategy = noauth everybody could read; '
                'set noauth_anywhere = true if they may',
            )
        self._server = _HTTPServer(
            self._address,
            application,
            numthreads=options.threads,
            server_name='energy-meter',
            request_queue_size=_BACKLOG,
        )
        self._thread = threading.Thread(
            target=self._server.serve, name=section, daemon=True
        )

    def start(self) -> None:
        """Listen.

        :raises ConfigurationError: when the address can't be had.
        """
        try:
            self._server.prepare()
        except OSError as error:
            raise exception.ConfigurationError(
                file='configuration',
                section=self._section,
                option='bind_host, port',
                reason=f'can not listen: {error}',
            )
        self._thread.start()
        LOG.info('%s listens on %s, port %d', self._title, *self._address)

    def stop(self) -> None:
        self._server.stop()

    def wait(self) -> None:
        self._thread.join()

    def reset(self) -> None:
        """Nothing is re-read while it runs."""


class _HTTPServer(wsgi.Server):
    """Cheroot's, with limits, and with our log."""

    max_request_header_size = _LARGEST_REQUEST
    max_request_body_size = _LARGEST_REQUEST

    def error_log(
        self, msg: str = '', level: int = logging.INFO, traceback: bool = False
    ) -> None:
        LOG.log(level, '%s', msg, exc_info=traceback)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == 'localhost'
