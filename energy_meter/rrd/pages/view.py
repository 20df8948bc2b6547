# SPDX-License-Identifier: Apache-2.0

"""HTML of the pages."""

import itertools
import math
import re
import typing
import urllib.parse

import jinja2
import pecan

from energy_meter.rrd.energy import chart as energy_chart
from energy_meter.rrd.energy import intervals
from energy_meter.rrd.graphs import graph
from energy_meter.rrd.graphs import palette
from energy_meter.rrd.pages import static_files
from energy_meter.rrd.pages import summary
from energy_meter.rrd.reading import archive
from energy_meter.rrd.reading import periods
from energy_meter.rrd.reading import series
from energy_meter.web import errors

#: Text for an unknown value.
_UNKNOWN = '\N{EN DASH}'

_DIGITS = re.compile('([0-9]+)')


class Group(typing.NamedTuple):
    """The probes of one scope of a host."""

    host: str
    scope: str
    rows: list[summary.Row]

    @property
    def size(self) -> int:
        """Number of probes."""
        return len(self.rows)


class Renderer:
    """Renders the templates.

    :param currency: of costs; empty if no price is configured.
    :param refresh: seconds between two updates of an open page.
    :param plot_areas: see :class:`energy_meter.rrd.graphs.graph.Graphs`.
    :param has_energy: whether energy is known from the API.
    """

    def __init__(
        self,
        static: static_files.StaticFiles,
        currency: str,
        refresh: float,
        plot_areas: dict[str, graph.PlotArea],
        has_energy: bool,
    ) -> None:
        self._static = static
        self._environment = jinja2.Environment(
            loader=jinja2.PackageLoader('energy_meter.rrd.pages'),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters.update(
            segment=_segment,
            color=palette.color,
            watts=_number(1),
            kwh=_number(4),
            money=_number(2),
            percent=_percent,
            title=_title,
        )
        self._environment.globals.update(
            periods=tuple(periods.NAMED),
            sizes=graph.SIZES,
            plot_areas=plot_areas,
            currency=currency,
            refresh=refresh,
            zone=periods.local_zone,
            has_energy=lambda name: (
                has_energy
                and periods.parse(name).seconds >= intervals.MIN_PERIOD_S
            ),
            chart=energy_chart,
        )

    def period(
        self,
        period: str,
        rows: list[summary.Row],
        total: summary.Total,
    ) -> str:
        """Render the page of all probes in one period.

        :param total: the sum of all probes.
        """
        return self._render(
            'period.html',
            pecan.request.script_name,
            period=period,
            link='period/',
            is_zoom=period not in periods.NAMED,
            now=total.watts,
            total=total.figures,
            groups=_group(rows),
        )

    def probe(
        self, probe: archive.Probe, figures: dict[str, series.Figures]
    ) -> str:
        """Render the page of one probe in some periods.

        :param figures: by period.
        """
        return self._render(
            'probe.html',
            pecan.request.script_name,
            period=None,
            probe=probe,
            link=f'probe/{_segment(probe.id)}/',
            is_zoom=not figures.keys() & periods.NAMED.keys(),
            figures={name: row._asdict() for name, row in figures.items()},
        )

    def energy(
        self,
        period: periods.Period,
        probe: str | None,
        bars: energy_chart.Chart,
    ) -> str:
        """Render the page of the energy of a period.

        Scripts show its bars in the other pages.

        :param probe: None for all probes.
        """
        return self._render(
            'energy.html',
            pecan.request.script_name,
            period=None,
            shown=period.name,
            probe=probe,
            link='period/' if probe is None else f'probe/{_segment(probe)}/',
            bars=bars,
        )

    def attribution(
        self,
        template: str,
        period: periods.Period,
        subject: tuple[str, str],
        **values: object,
    ) -> str:
        """Render the page of a host or a project in a period.

        :param subject: ``host`` or ``project``, and its name.
        """
        kind, name = subject
        return self._render(
            template,
            pecan.request.script_name,
            period=None,
            shown=period.name,
            kind=kind,
            name=name,
            link=f'{kind}/{_segment(name)}/',
            **values,
        )

    def error(self, root: str, error: errors.Error) -> str:
        """Render an error page.

        :param root: URL of the application.
        """
        return self._render('error.html', root, period=None, error=error)

    def _render(self, template: str, root: str, **values: object) -> str:
        return self._environment.get_template(template).render(
            root=root, file=lambda name: self._static.url(root, name), **values
        )


def _group(rows: list[summary.Row]) -> list[Group]:
    """Group probes by host and scope, all in natural order."""

    def group(row: summary.Row) -> tuple[typing.Any, ...]:
        return (_natural(row.probe.host), row.probe.host, row.probe.scope)

    def order(row: summary.Row) -> tuple[typing.Any, ...]:
        return (*group(row), _natural(row.probe.id))

    return [
        Group(host, scope, list(members))
        for (_, host, scope), members in itertools.groupby(
            sorted(rows, key=order), key=group
        )
    ]


def _natural(text: str) -> list[tuple[int, str]]:
    """Return a sort key that puts node-2 before node-10."""
    return [
        (int(part) if part.isdecimal() and part.isascii() else -1, part)
        for part in _DIGITS.split(text.lower())
    ]


def _title(period: str) -> str:
    text = periods.parse(period).title()
    return text[0].upper() + text[1:]


def _segment(text: str) -> str:
    return urllib.parse.quote(text, safe='')


def _percent(share: float) -> str:
    # Rounded down, so that 100 % means that nothing is missing.
    return f'{math.floor(share * 1000) / 10:.1f} %'


def _number(digits: int) -> typing.Callable[[float | None], str]:
    return lambda value: _UNKNOWN if value is None else f'{value:,.{digits}f}'
