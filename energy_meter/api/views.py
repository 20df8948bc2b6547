# SPDX-License-Identifier: Apache-2.0

"""What a request may see of instances, and of which time."""

import collections.abc
import itertools
import typing

import pecan
from wsme import exc as wsme_exc

from energy_meter.api import periods
from energy_meter.db import closed_days
from energy_meter.db import energies
from energy_meter.web import access

#: Time after midnight until the day before is part of the default period.
#: Most days are closed by then.
_CLOSING_MS = 3 * 3_600_000


class Rules(typing.NamedTuple):
    """Names of policy rules.

    :ivar own: to see a project.
    :ivar all: to see all projects.
    """

    own: str
    all: str


class View(typing.NamedTuple):
    """What a request may see.

    :ivar project: the only project that it may see; None for all.
    :ivar interval: all dates are multiples of it, in ms.
    """

    project: str | None
    interval: int

    @property
    def is_site(self) -> bool:
        """Whether it may see all projects, and hosts."""
        return self.project is None


#: That of operators.
SITE = View(None, closed_days.INTERVAL_MS)


def authorize(
    authorize: access.Authorize,
    rules: Rules,
    interval: int,
    project: str | None = None,
) -> View:
    """Return what the current request may see.

    :param interval: that of projects, in ms.
    :param project: ID of the project it is about; by default its token's.
    :raises ClientSideError: with code 403 if it may see nothing.
    """
    environ = pecan.request.environ
    try:
        authorize(environ, rules.all)
    except wsme_exc.ClientSideError:
        own = access.project(environ)
        if not own:
            # In a rule, no project would equal that of no token.
            raise
        authorize(environ, rules.own, {'project_id': project or own})
        return View(project or own, interval)
    return SITE


def parse(
    parameters: periods.Parameters, now: int, view: View
) -> periods.Request:
    """Return what time is asked for; by default, days that are over.

    :raises ClientSideError: with code 400 if a parameter is invalid.
    """
    request = periods.parse(parameters, closed_until(now))
    _check(view, [request.start, request.end])
    return request


def period(
    request: periods.Request, edges: collections.abc.Sequence[int], view: View
) -> energies.Period:
    """Return what to read.

    :raises ClientSideError: with code 400 if a row is too short.
    """
    _check(view, edges)
    return energies.Period(request.start, request.end, edges, request.as_of)


def page(
    parameters: periods.Parameters, request: periods.Request
) -> list[int]:
    """Return the dates at which the rows of a response begin, and its end.

    :raises ClientSideError: with code 400 if a parameter is invalid.
    """
    since = periods.marker(parameters, request)
    return list(itertools.islice(request.edges(since), periods.MAX_ROWS + 1))


def closed_until(now: int) -> int:
    """Return the date before which days are closed unless they wait."""
    return (now - _CLOSING_MS) // closed_days.DAY_MS * closed_days.DAY_MS


def _check(view: View, dates: collections.abc.Iterable[int]) -> None:
    if any(date % view.interval for date in dates):
        raise periods.invalid(
            'start, end or step',
            'expected rows that begin and end at multiples of '
            f'{view.interval // 1000} seconds, in UTC',
        )
