# SPDX-License-Identifier: Apache-2.0

"""Pages of the energy of a host or a project, and what used it."""

import collections.abc
import csv
import io
import time
import typing

import webob
from wsme import exc as wsme_exc

from energy_meter import exception
from energy_meter.clients import attributed
from energy_meter.clients import usage
from energy_meter.rrd.energy import intervals
from energy_meter.rrd.energy import source as energy_source
from energy_meter.rrd.energy import stack
from energy_meter.rrd.pages import energy
from energy_meter.rrd.pages import view
from energy_meter.rrd.reading import periods
from energy_meter.web import conditional

#: The first is the default.
FORMATS = ('html', 'csv')

#: Energy is attributed in quarter-hours.
_QUARTER_HOUR_S = 900

_TIME = ('start', 'end', 'kwh', 'millijoules')
_QUALITY = ('coverage', 'uncertain_kwh', 'quality', 'state', 'version')
#: What the energy of a host was used for, in kWh.
_USES = ('instances', 'overhead', 'unallocated', 'unattributed', 'idle')

_Result = typing.TypeVar('_Result')


class Attribution:
    """Pages of hosts and projects."""

    def __init__(
        self, source: energy_source.Source, renderer: view.Renderer
    ) -> None:
        self._source = source
        self._renderer = renderer

    def host(
        self, name: str, period_name: str, document_format: str
    ) -> webob.Response:
        """Return the page of a host, or its rows.

        :param document_format: one of :data:`FORMATS`.
        :raises ClientSideError: if the API is unavailable, or knows nothing.
        """
        period = periods.parse(period_name)
        zone = periods.local_zone()
        query = _query(period)
        pages = _answer(lambda: self._source.of_host(query, name))
        host = pages[0].members[0]
        rows = [row for page in pages for row in page.members[0].intervals]
        if document_format == 'csv':
            return _csv(rows, _USES)
        return _page(
            self._renderer.attribution(
                'host.html',
                period,
                ('host', name),
                host=host,
                methods=pages[0].methods,
                instances=sorted(
                    host.instances, key=lambda each: -each.total.kwh
                ),
                bars=stack.draw(
                    host.total, rows, stack.of_host(pages), query.step, zone
                ),
            )
        )

    def project(
        self, name: str, period_name: str, document_format: str
    ) -> webob.Response:
        """Return the page of a project, or its rows.

        :param document_format: one of :data:`FORMATS`.
        :raises ClientSideError: if the API is unavailable.
        """
        period = periods.parse(period_name)
        zone = periods.local_zone()
        query = _query(period)
        pages, instances = _answer(
            lambda: self._source.of_project(query, name)
        )
        project = pages[0].members[0]
        rows = [row for page in pages for row in page.members[0].intervals]
        if document_format == 'csv':
            return _csv(rows, ())
        return _page(
            self._renderer.attribution(
                'project.html',
                period,
                ('project', name),
                project=project,
                methods=pages[0].methods,
                instances=sorted(instances, key=lambda each: -each.total.kwh),
                bars=stack.draw(
                    project.total,
                    rows,
                    stack.of_project(rows),
                    query.step,
                    zone,
                ),
            )
        )


def _query(period: periods.Period) -> usage.Query:
    now = time.time() // _QUARTER_HOUR_S * _QUARTER_HOUR_S
    try:
        return intervals.query(period, now, periods.local_zone())
    except exception.PeriodNotFound:
        raise wsme_exc.ClientSideError(
            'No energy is known for this period.', 404
        )


def _answer(ask: collections.abc.Callable[[], _Result]) -> _Result:
    try:
        return ask()
    except exception.HostNotFound:
        raise wsme_exc.ClientSideError(
            'The instances of this host are not known in this period.', 404
        )
    except exception.APIError:
        raise wsme_exc.ClientSideError('Energy is unavailable right now.', 503)


def _csv(
    rows: collections.abc.Iterable[attributed.Row | attributed.HostRow],
    uses: tuple[str, ...],
) -> webob.Response:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow((*_TIME, *(f'{use}_kwh' for use in uses), *_QUALITY))
    for row in rows:
        start, end, *rest = (
            getattr(row, name) for name in (*_TIME, *uses, *_QUALITY)
        )
        writer.writerow((energy.iso(start), energy.iso(end), *rest))
    content = text.getvalue().encode()
    return conditional.answer(content, 'text/csv', lambda: content)


def _page(html: str) -> webob.Response:
    return conditional.answer(html, 'text/html', html.encode)
