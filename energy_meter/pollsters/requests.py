# SPDX-License-Identifier: Apache-2.0

"""Requests of pollsters, which they share during a polling cycle."""

import collections.abc
from concurrent import futures
import typing

from keystoneauth1 import exceptions as keystone_exceptions
from oslo_log import log

from energy_meter import exception
from energy_meter.clients import api

LOG = log.getLogger(__name__)

_Result = typing.TypeVar('_Result')
_Request = collections.abc.Callable[[api.Client], _Result]


class Fetch:
    """Sends requests to one endpoint, each once per polling cycle.

    Ceilometer can run the pollsters of a cycle concurrently. The first one
    sends the request; the others wait for its result.

    :param manager: Ceilometer's polling manager; its Keystone session is
        used.
    :param cache: shared by the pollsters during a polling cycle.
    :param root: URL of the API.
    """

    def __init__(
        self, manager: typing.Any, cache: dict[str, typing.Any], root: str
    ) -> None:
        self._manager = manager
        self._cache = cache
        self._root = root

    def __call__(
        self, name: str, request: _Request[_Result]
    ) -> _Result | None:
        """Return the result of a request; None if it failed.

        :param name: of the request.
        """
        own: futures.Future[_Result | None] = futures.Future()
        shared: futures.Future[_Result | None] = self._cache.setdefault(
            f'energy_meter {self._root} {name}', own
        )
        if shared is own:
            try:
                own.set_result(self._send(request))
            except Exception as error:
                own.set_exception(error)
        return shared.result()

    def _send(self, request: _Request[_Result]) -> _Result | None:
        try:
            session = self._manager.keystone.session
            return request(
                api.Client(
                    session,
                    endpoint_override=self._root,
                    timeout=session.timeout or api.DEFAULT_TIMEOUT_S,
                )
            )
        except (
            exception.APIError,
            keystone_exceptions.ClientException,
        ) as error:
            LOG.warning('Cannot poll energy_meter: %s', error)
            return None
