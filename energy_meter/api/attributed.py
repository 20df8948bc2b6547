# SPDX-License-Identifier: Apache-2.0

"""What the controllers of attributed energy have in common."""

import collections.abc
import contextlib
import typing

import orjson
import pecan
import sqlalchemy as sa
import webob
from wsme import exc as wsme_exc

from energy_meter import exception
from energy_meter.api import attribution_documents
from energy_meter.api import database as api_database
from energy_meter.api import energy_documents
from energy_meter.api import formats
from energy_meter.api import periods
from energy_meter.api import views
from energy_meter.db import attributed_days
from energy_meter.db import attributing
from energy_meter.db import closed_days
from energy_meter.db import energies
from energy_meter.db import engine as db_engine
from energy_meter.db import instance_days
from energy_meter.db import instances
from energy_meter.db import open_days
from energy_meter.web import access
from energy_meter.web import conditional
from energy_meter.web import path

_Frame = attribution_documents.Frame


class ListDocument(typing.Protocol):
    """Returns the JSON document of many instances or projects."""

    def __call__(
        self,
        frame: _Frame,
        answers: collections.abc.Sequence[instances.Answer],
        has_all: bool,
    ) -> attribution_documents.Document: ...


class ListCSV(typing.Protocol):
    """Returns the rows of many instances or projects as CSV."""

    def __call__(
        self,
        frame: _Frame,
        answers: collections.abc.Iterable[instances.Answer],
    ) -> bytes: ...


class Settings(typing.NamedTuple):
    """What the controllers need.

    :ivar interval: to which the dates of projects are limited, in ms.
    """

    database: api_database.Database
    authorize: access.Authorize
    rules: attributing.Rules
    interval: int

    def view(
        self, rules: views.Rules, project: str | None = None
    ) -> views.View:
        """Return what the current request may see."""
        return views.authorize(self.authorize, rules, self.interval, project)


class Reading(typing.NamedTuple):
    """The current request, and a snapshot of the database.

    :ivar now: the database's clock in ms.
    """

    connection: sa.Connection
    rules: attributing.Rules
    parameters: periods.Parameters
    view: views.View
    now: int
    request: periods.Request

    def period(self, edges: collections.abc.Sequence[int]) -> energies.Period:
        """Return what to read, in rows that begin and end at dates."""
        return views.period(self.request, edges, self.view)

    def rows(self) -> energies.Period:
        """Return what to read, in the rows of one response."""
        return self.period(views.page(self.parameters, self.request))

    def open_days(
        self, chosen: instance_days.Filter
    ) -> collections.abc.Iterator[attributed_days.HostDay]:
        """Yield the days of the period that are not closed.

        :param chosen: instances; hosts without any may be left out.
        """
        request = self.request
        days = range(
            request.start // closed_days.DAY_MS,
            (request.end - 1) // closed_days.DAY_MS + 1,
        )
        return open_days.load(self.connection, days, self.rules, chosen)

    def respond(
        self,
        segments: collections.abc.Sequence[str],
        marker: str | None,
        document: collections.abc.Callable[[_Frame], object],
        csv: collections.abc.Callable[[_Frame], bytes],
    ) -> webob.Response:
        """Return the response.

        :param segments: of the path.
        :param marker: with which the next response begins; None if this is
            the last.
        :param document: returns the content for JSON.
        :param csv: returns the content for CSV.
        """
        following = None
        if marker is not None:
            following = formats.following(
                ['v1', *segments], self.request, marker
            )
        frame = _Frame(
            self.request, self.view, views.closed_until(self.now), following
        )
        content_type = formats.content_type(self.parameters)
        if content_type == formats.CSV:
            body = csv(frame)
        else:
            body = orjson.dumps(document(frame))
        # An operator may let a project see less, or more, at any time.
        response = conditional.content(body, content_type, immutable=False)
        return formats.link(response, content_type, following)

    def respond_rows(
        self,
        segments: collections.abc.Sequence[str],
        period: energies.Period,
        document: collections.abc.Callable[[_Frame], object],
        csv: collections.abc.Callable[[_Frame], bytes],
    ) -> webob.Response:
        """Return the response with the rows of a period."""
        marker = None
        if period.edges[-1] < period.end:
            marker = energy_documents.iso(period.edges[-1])
        return self.respond(segments, marker, document, csv)


@contextlib.contextmanager
def begin(
    settings: Settings, view: views.View
) -> collections.abc.Iterator[Reading]:
    """Return the current request, with a snapshot of the database.

    :raises ClientSideError: with code 400 if a parameter is invalid, 409 if a
        day was not closed by ``as_of``.
    """
    parameters = pecan.request.environ[path.PARAMETERS]
    formats.content_type(parameters)
    try:
        with settings.database.snapshot() as connection:
            now = db_engine.now(connection)
            request = views.parse(parameters, now, view)
            yield Reading(
                connection, settings.rules, parameters, view, now, request
            )
    except exception.DayNotAttributed as error:
        text = str(error)
        raise wsme_exc.ClientSideError(
            f'{text[0].upper()}{text[1:]} by as_of.', 409
        ) from None
