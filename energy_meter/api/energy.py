# SPDX-License-Identifier: Apache-2.0

"""Controllers of energy by date."""

import collections.abc
import contextlib
import itertools

import pecan
import sqlalchemy as sa
import webob
from wsme import exc as wsme_exc

from energy_meter import exception
from energy_meter.api import arguments
from energy_meter.api import database as api_database
from energy_meter.api import energy_csv
from energy_meter.api import energy_documents
from energy_meter.api import formats
from energy_meter.api import periods
from energy_meter.api import streaming
from energy_meter.db import energies
from energy_meter.db import engine as db_engine
from energy_meter.db import subjects
from energy_meter.policies import energy as policies
from energy_meter.web import access
from energy_meter.web import conditional
from energy_meter.web import path

#: Transactions that write versions of days take less.
_COMMITTED_MS = 300_000


class Energy:
    """Controllers of the energy of probes and sums, updated or not."""

    def __init__(
        self, database: api_database.Database, authorize: access.Authorize
    ) -> None:
        self._database = database
        self._authorize = authorize

    @arguments.expose(arguments.ProbeId())
    def show(self, probe: str) -> webob.Response:
        """Return the energy of one probe or sum."""
        self._authorize(pecan.request.environ, policies.SHOW)
        parameters = pecan.request.environ[path.PARAMETERS]
        content_type = formats.content_type(parameters)
        with self._database.snapshot() as connection:
            now = db_engine.now(connection)
            request = periods.parse(parameters, now)
            since = periods.marker(parameters, request)
            edges = list(
                itertools.islice(request.edges(since), periods.MAX_ROWS + 1)
            )
            subject = _subject(connection, probe)
            with _conflicts():
                [answer] = energies.read(
                    connection, [subject], _period(request, edges)
                )
        following = None
        if edges[-1] < request.end:
            following = formats.following(
                ['v1', 'probes', probe, 'energy'],
                request,
                energy_documents.iso(edges[-1]),
            )
        if content_type == formats.CSV:
            body = b''.join(energy_csv.render([answer]))
        else:
            body = energy_documents.probe(request, answer, following)
        response = conditional.content(
            body, content_type, _is_immutable(request, now)
        )
        return formats.link(response, content_type, following)

    @arguments.expose()
    def list(self) -> webob.Response:
        """Return the energy of many probes."""
        self._authorize(pecan.request.environ, policies.LIST)
        parameters = pecan.request.environ[path.PARAMETERS]
        content_type = formats.content_type(parameters)
        with contextlib.ExitStack() as resources:
            connection = resources.enter_context(self._database.snapshot())
            now = db_engine.now(connection)
            request = periods.parse(parameters, now)
            period = _period(request, periods.edges(request))
            chosen, following = _page(connection, parameters, request, period)
            answers = energies.read(connection, chosen, period)
            if content_type == formats.CSV:
                # Part of a document is invalid, but part of CSV is not: behind
                # a proxy, it would look complete.
                pieces = iter([b''.join(energy_csv.render(answers))])
            else:
                has_all = following is None and 'marker' not in parameters
                pieces = energy_documents.listing(
                    request, answers, following, has_all
                )
            stream = streaming.Stream(pieces)
            if stream.only is not None:
                # Even as_of a date, a probe may move to another host.
                response = conditional.content(
                    stream.only, content_type, immutable=False
                )
            else:
                state = energies.fingerprint(connection, chosen, period)
                state = state and (state, following)
                response = conditional.stream(stream, content_type, state)
                if response.status_code != 304:
                    stream.hold(resources.pop_all())
        return formats.link(response, content_type, following)


def _page(
    connection: sa.Connection,
    parameters: periods.Parameters,
    request: periods.Request,
    period: energies.Period,
) -> tuple[list[subjects.Subject], str | None]:
    """Return what a response lists, and the URL of the next one.

    Probes that were not closed by ``as_of`` are left out before the others are
    divided into responses, so all of these agree on what is a conflict.
    """
    choice = periods.choice(parameters)
    chosen = subjects.listing(connection, choice, period.start, period.end)
    if period.as_of is not None:
        with _conflicts():
            chosen = energies.closed_by(
                connection, chosen, period, period.as_of
            )
    marker = parameters.get('marker', '')
    chosen = [each for each in chosen if each.id > marker]
    limit = max(periods.MAX_ROWS // (len(period.edges) - 1), 1)
    following = None
    if len(chosen) > limit:
        following = formats.following(
            ['v1', 'energy'], request, chosen[limit - 1].id
        )
    return chosen[:limit], following


def _period(
    request: periods.Request, edges: collections.abc.Sequence[int]
) -> energies.Period:
    return energies.Period(request.start, request.end, edges, request.as_of)


def _subject(connection: sa.Connection, probe: str) -> subjects.Subject:
    try:
        return subjects.get(connection, probe)
    except exception.ProbeNotFound:
        raise wsme_exc.ClientSideError(
            f'Probe {probe} not found.', 404
        ) from None


@contextlib.contextmanager
def _conflicts() -> collections.abc.Iterator[None]:
    """Report days that were not closed as a conflict with ``as_of``."""
    try:
        yield
    except exception.DayNotClosed as error:
        text = str(error)
        raise wsme_exc.ClientSideError(
            f'{text[0].upper()}{text[1:]} by as_of.', 409
        ) from None


def _is_immutable(request: periods.Request, now: int) -> bool:
    return request.as_of is not None and request.as_of < now - _COMMITTED_MS
