# SPDX-License-Identifier: Apache-2.0

"""Controller of all URLs."""

import collections.abc
import csv
import io

import orjson
import pecan
from pecan import routing
import webob
from wsme import exc as wsme_exc

from energy_meter import exception
from energy_meter.policies import rrd as policies
from energy_meter.rrd.graphs import graph
from energy_meter.rrd.pages import attribution
from energy_meter.rrd.pages import energy
from energy_meter.rrd.pages import static_files
from energy_meter.rrd.pages import summary
from energy_meter.rrd.pages import view
from energy_meter.rrd.reading import archive as rrd_archive
from energy_meter.rrd.reading import periods
from energy_meter.rrd.reading import series as rrd_series
from energy_meter.web import access
from energy_meter.web import conditional
from energy_meter.web import path
from energy_meter.web import router

_DATA_FORMATS = ('json', 'csv')


class Root:
    """Controller of ``/``.

    It does its own routing, because a probe id may be any text.

    :param authorize: raises an error if the client may not read.
    :param probe_energy: energy from the API; None if there is none.
    :param attributed: pages of hosts and projects; None like these.
    """

    def __init__(
        self,
        power_summary: summary.Summary,
        archive: rrd_archive.Archive,
        graphs: graph.Graphs,
        static: static_files.StaticFiles,
        renderer: view.Renderer,
        authorize: access.Authorize,
        probe_energy: energy.Energy | None,
        attributed: attribution.Attribution | None,
    ) -> None:
        self._summary = power_summary
        self._archive = archive
        self._graphs = graphs
        self._static = static
        self._renderer = renderer
        self._authorize = authorize
        self._energy = probe_energy
        self._attributed = attributed

    @pecan.expose()
    def _route(
        self, segments: list[str], request: webob.Request
    ) -> router.Route:
        """Return a controller and its arguments from the path."""
        match segments:
            # Before authorization, because error pages use static files.
            case ['static', name] if name in self._static:
                return self.static, [name]
        self._authorize(request.environ, policies.SHOW)
        match segments:
            case []:
                return self.front, []
            case ['last', period] if period in periods.NAMED:
                return self.period, [period]
            case ['period', period] if periods.is_fixed(period):
                return self.period, [period]
            case ['probe', probe]:
                return self.probe, [probe, *periods.NAMED]
            case ['probe', probe, period] if periods.is_fixed(period):
                return self.probe, [probe, period]
            case ['graph' | 'data' | 'energy' as kind, period, *probe] if (
                _is_valid(period, probe)
            ):
                return getattr(self, kind), [period, *probe]
            case ['rrd', probe]:
                return self.rrd, [probe]
            case ['host' | 'project' as kind, name, *period] if _is_valid(
                (*period, 'month')[0], period
            ):
                return self.attribution, [kind, name, *period]
        raise routing.PecanNotFound

    @pecan.expose()
    def static(self, name: str) -> webob.Response:
        """Respond with a static file."""
        return self._static.response(name)

    @pecan.expose()
    def front(self) -> webob.Response:
        """Redirect to a period of all probes that has data."""
        period = self._summary.opening_period()
        return webob.Response(
            status=302,
            location=f'{pecan.request.application_url}/last/{period}/',
        )

    @pecan.expose()
    def period(self, period: str) -> webob.Response:
        """Respond with the page of all probes in one period."""
        return _page(
            self._renderer.period(
                period,
                self._summary.rows(period),
                self._summary.total(
                    period, self._archive.series(period, None).figures
                ),
            )
        )

    @pecan.expose()
    def probe(self, probe: str, *names: str) -> webob.Response:
        """Respond with the page of one probe.

        :param names: of the periods to show.
        :raises ProbeNotFound: if the probe has no file.
        """
        return _page(
            self._renderer.probe(
                self._find(probe),
                {
                    name: self._archive.series(name, probe).figures
                    for name in names
                },
            )
        )

    @pecan.expose()
    def graph(self, period: str, probe: str | None = None) -> webob.Response:
        """Respond with a graph.

        :param probe: None for all probes, stacked.
        :raises ProbeNotFound: if the probe has no file.
        :raises ClientSideError: if a parameter is invalid.
        """
        image_format = _choose('format', graph.FORMATS)
        image = self._graphs.image(
            period,
            probe,
            image_format,
            _choose('theme', graph.THEMES),
            _choose('size', tuple(graph.SIZES)),
        )
        return conditional.answer(
            image.tag,
            'image/svg+xml' if image_format == 'svg' else 'image/png',
            lambda: image.content,
        )

    @pecan.expose()
    def data(self, period: str, probe: str | None = None) -> webob.Response:
        """Respond with the values of a graph, as JSON or CSV.

        :param probe: None for the sum of all probes.
        :raises ProbeNotFound: if the probe has no file.
        :raises ClientSideError: if a parameter is invalid.
        """
        data_format = _choose('format', _DATA_FORMATS)
        series = self._archive.series(period, probe)
        if data_format == 'csv':
            return conditional.answer(
                series, 'text/csv', lambda: _as_csv(series)
            )
        document: dict[str, object] = {
            'period': period,
            'probe': probe,
            'start': series.start,
            'step': series.step,
            'watts': series.watts,
            'minima': series.minima,
            'maxima': series.maxima,
            'figures': series.figures._asdict(),
        }
        if probe is None:
            total = self._summary.total(period, series.figures)
            document['figures'] = total.figures._asdict()
            document['now'] = total.watts
            document['probes'] = {
                row.probe.id: {'now': row.watts, **row.figures._asdict()}
                for row in self._summary.rows(period)
            }
        return conditional.answer(
            document, 'application/json', lambda: orjson.dumps(document)
        )

    @pecan.expose()
    def energy(self, period: str, probe: str | None = None) -> webob.Response:
        """Respond with the energy of a period, as a page or as data.

        :param probe: None for the sum of all probes.
        :raises ProbeNotFound: if the probe has no file.
        :raises ClientSideError: if a parameter is invalid, or the API does
            not answer.
        """
        if self._energy is None:
            raise wsme_exc.ClientSideError('Energy is not configured.', 404)
        if probe is not None:
            self._find(probe)
        return self._energy.response(
            period, probe, _choose('format', energy.FORMATS)
        )

    @pecan.expose()
    def attribution(
        self, kind: str, name: str, period: str = 'month'
    ) -> webob.Response:
        """Respond with the page of a host or a project, or with its rows.

        :param kind: ``host`` or ``project``.
        :raises ClientSideError: if a parameter is invalid, or the API does
            not answer or knows nothing.
        """
        if self._attributed is None:
            raise wsme_exc.ClientSideError('Energy is not configured.', 404)
        document_format = _choose('format', attribution.FORMATS)
        if kind == 'host':
            return self._attributed.host(name, period, document_format)
        return self._attributed.project(name, period, document_format)

    @pecan.expose()
    def rrd(self, probe: str) -> webob.Response:
        """Respond with the RRD file of a probe.

        :raises ProbeNotFound: if the probe has no file.
        """
        content = self._archive.file(probe)
        response = conditional.answer(
            content, 'application/octet-stream', lambda: content
        )
        response.content_disposition = 'attachment; filename="probe.rrd"'
        return response

    def _find(self, probe_id: str) -> rrd_archive.Probe:
        for probe in self._archive.probes():
            if probe.id == probe_id:
                return probe
        raise exception.ProbeNotFound(probe=probe_id)


def _is_valid(period: str, optional: list[str]) -> bool:
    return periods.is_valid(period) and len(optional) <= 1


def _choose(name: str, choices: collections.abc.Sequence[str]) -> str:
    """Return the value of a parameter; the first choice is the default.

    :raises ClientSideError: if it is not one of the choices.
    """
    value: str = pecan.request.environ[path.PARAMETERS].get(name, choices[0])
    if value not in choices:
        raise wsme_exc.ClientSideError(
            f'The parameter {name} must be one of {", ".join(choices)}.', 400
        )
    return value


def _page(html: str) -> webob.Response:
    return conditional.answer(html, 'text/html', html.encode)


def _as_csv(series: rrd_series.Series) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(('time', 'watts', 'minimum', 'maximum'))
    # An unknown value is an empty field.
    writer.writerows(
        zip(
            range(series.start, series.end, series.step),
            series.watts,
            series.minima,
            series.maxima,
            strict=True,
        )
    )
    return text.getvalue().encode()
