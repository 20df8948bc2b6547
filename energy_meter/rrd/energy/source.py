# SPDX-License-Identifier: Apache-2.0

"""Access to the API that cannot block the pages."""

import collections
import collections.abc
import logging
import threading
import time
import typing

from keystoneauth1 import exceptions as keystone_exceptions
from keystoneauth1 import loading
from keystoneauth1 import session as keystone_session
from oslo_config import cfg

from energy_meter import attempt
from energy_meter import exception
from energy_meter import log_throttle
from energy_meter.clients import api
from energy_meter.clients import attributed
from energy_meter.clients import attribution
from energy_meter.clients import responses
from energy_meter.clients import usage
from energy_meter.conf import energy_api
from energy_meter.rrd.energy import profile

LOG = logging.getLogger(__name__)

#: Seconds for which an answer is used.
_CACHE_S = 60.0
_MAX_CACHED = 1000

#: Seconds after a failure for which the API is not asked again. Otherwise
#: each graph of a page would wait for its own timeout.
_RETRY_S = 10.0

#: Maximum seconds for a place among the requests that run, and for all pages
#: of an answer. Browsers wait as long as for the latter.
_QUEUE_S = 1.0
_DEADLINE_S = 30.0

#: Seconds after an answer that took too long for which it is not tried again.
_GIVE_UP_S = 600.0

_Page = typing.TypeVar('_Page', bound=responses.Page)
_Result = typing.TypeVar('_Result')
#: Kind and name of what is asked for, and the query.
_Key = tuple[str, str | None, usage.Query]


class ProjectEnergy(typing.NamedTuple):
    """Energy of a project.

    :ivar instances: with their energy in the whole period.
    """

    pages: list[attributed.Page[attributed.Project]]
    instances: list[attributed.Instance]


class _TooSlow(exception.APIUnavailable):
    """The API answers, but the answer is too long."""


class _Gate:
    """Limits requests of one kind, and stops them after a failure.

    :param places: maximum number of requests at the same time.
    :ivar retry_at: monotonic time before which none is sent.
    """

    def __init__(self, places: int) -> None:
        self.places = threading.BoundedSemaphore(places)
        self.retry_at = 0.0


class Source:
    """Reads energy from the API. Thread-safe.

    Requests to the API use at most half of the threads that serve the pages,
    so that a slow API leaves threads for everything else. One of them can be
    for the sum, which takes long if there are many probes.

    :param threads: number of threads that serve the pages.
    """

    def __init__(
        self,
        client: api.Client,
        threads: int,
        clock: collections.abc.Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._clock = clock
        self._probes = _Gate(max(threads // 2 - 1, 1))
        self._sum = _Gate(1)
        self._lock = threading.Lock()
        self._cache: collections.OrderedDict[
            _Key, tuple[float, typing.Any]
        ] = collections.OrderedDict()
        self._throttled_log = log_throttle.ThrottledLogger(LOG)

    def of_probe(self, query: usage.Query, probe: str) -> profile.Profile:
        """Return the energy of a probe.

        :raises ProbeNotFound: if the API does not know the probe.
        :raises APIError: if it does not answer, or not as expected.
        """
        return self._read(
            self._probes,
            ('probe', probe, query),
            lambda: profile.of_probe(
                self._in_time(self._client.energy(probe, query))
            ),
        )

    def of_sum(
        self, query: usage.Query, members: collections.abc.Collection[str]
    ) -> profile.Profile:
        """Return the energy of several probes together.

        :raises APIError: if the API does not answer, or not as expected.
        """
        return self._read(
            self._sum,
            ('probe', None, query),
            lambda: profile.of_sum(
                self._in_time(self._client.energies(query)), members
            ),
        )

    def of_host(
        self, query: usage.Query, host: str
    ) -> list[attributed.Page[attributed.Host]]:
        """Return what the energy of a host was used for.

        :raises HostNotFound: if its instances are not known.
        :raises APIError: if the API does not answer, or not as expected.
        """
        return self._read(
            self._probes,
            ('host', host, query),
            lambda: [
                *self._in_time(attribution.host(self._client, host, query))
            ],
        )

    def of_project(self, query: usage.Query, project: str) -> ProjectEnergy:
        """Return the energy of a project and its instances.

        :raises APIError: if the API does not answer, or not as expected.
        """
        return self._read(
            self._probes,
            ('project', project, query),
            lambda: self._fetch_project(query, project),
        )

    def _fetch_project(
        self, query: usage.Query, project: str
    ) -> ProjectEnergy:
        pages = self._in_time(
            attribution.project(self._client, project, query)
        )
        instances = self._in_time(
            attribution.instances(
                self._client, query._replace(step=None), project_id=project
            )
        )
        return ProjectEnergy(
            [*pages], [each for page in instances for each in page.members]
        )

    def _read(
        self,
        gate: _Gate,
        key: _Key,
        fetch: collections.abc.Callable[[], _Result],
    ) -> _Result:
        cached: _Result | None = self._cached(key)
        if cached is not None:
            return cached
        if not gate.places.acquire(timeout=_QUEUE_S):
            raise exception.APIUnavailable(
                url='the API', reason='too many requests wait for it'
            )
        try:
            # Another thread can have asked the same in the meantime.
            return self._cached(key) or self._fetch(gate, key, fetch)
        finally:
            gate.places.release()

    def _cached(self, key: _Key) -> typing.Any:
        with self._lock:
            expires, cached = self._cache.get(key, (0.0, None))
            return cached if self._clock() < expires else None

    def _fetch(
        self,
        gate: _Gate,
        key: _Key,
        fetch: collections.abc.Callable[[], _Result],
    ) -> _Result:
        if self._clock() < gate.retry_at:
            raise exception.APIUnavailable(
                url='the API', reason='it failed a moment ago'
            )
        result, error = attempt.call(fetch, exception.APIError)
        if error is not None:
            if isinstance(error, exception.APIUnavailable):
                is_slow = isinstance(error, _TooSlow)
                gate.retry_at = self._clock() + (
                    _GIVE_UP_S if is_slow else _RETRY_S
                )
            self._throttled_log.warning(
                'api', 'The pages show no energy: %s', error
            )
            raise error
        self._throttled_log.recovered('api', 'The pages show energy again')
        assert result is not None
        with self._lock:
            self._cache[key] = self._clock() + _CACHE_S, result
            self._cache.move_to_end(key)
            while len(self._cache) > _MAX_CACHED:
                self._cache.popitem(last=False)
        return result

    def _in_time(
        self, pages: collections.abc.Iterator[_Page]
    ) -> collections.abc.Iterator[_Page]:
        deadline = self._clock() + _DEADLINE_S
        for page in pages:
            yield page
            if page.next_query is not None and self._clock() > deadline:
                raise _TooSlow(
                    url='the API',
                    reason=f'the answer takes more than {_DEADLINE_S:.0f} s',
                )


def connect(conf: cfg.ConfigOpts) -> Source | None:
    """Return the source that is configured; None if there is none.

    :raises ConfigurationError: if the section ``[energy_api]`` is invalid.
    """
    options = conf[energy_api.GROUP]
    if not (options.auth_type or options.auth_section):
        return None
    session, error = attempt.call(
        lambda: _session(conf),
        (keystone_exceptions.ClientException, cfg.Error, ValueError),
    )
    if error is not None:
        raise exception.ConfigurationError(
            file='configuration',
            section=energy_api.GROUP,
            option='auth_type',
            reason=error,
        )
    assert session is not None
    return Source(
        api.Client(
            session,
            options.endpoint_override,
            options.service_type,
            options.valid_interfaces,
            options.region_name,
            options.timeout or api.DEFAULT_TIMEOUT_S,
        ),
        conf.rrd.workers,
    )


def _session(conf: cfg.ConfigOpts) -> keystone_session.Session:
    # Registers the options of auth_section, if that is set.
    loading.register_auth_conf_options(conf, energy_api.GROUP)
    auth = loading.load_auth_from_conf_options(conf, energy_api.GROUP)
    return loading.load_session_from_conf_options(
        conf, energy_api.GROUP, auth=auth
    )
