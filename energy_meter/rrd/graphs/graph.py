# SPDX-License-Identifier: Apache-2.0

"""Graphs, drawn on request and cached until their data changes."""

import functools
import hashlib
import pathlib
import time
import typing

from oslo_config import cfg

from energy_meter.rrd.files import librrd
from energy_meter.rrd.files import names
from energy_meter.rrd.graphs import band_file
from energy_meter.rrd.graphs import drawing
from energy_meter.rrd.graphs import image_cache
from energy_meter.rrd.graphs import palette
from energy_meter.rrd.reading import archive as rrd_archive
from energy_meter.rrd.reading import periods
from energy_meter.rrd.reading import series as rrd_series
from energy_meter.rrd.reading import window as rrd_window

#: Width and height of an image, in pixels; the first is the default.
#: On a phone, the text of a full graph would be illegible.
SIZES = {'full': (800, 360), 'narrow': (360, 380), 'thumbnail': (320, 120)}

#: The first is the default.
FORMATS = ('png', 'svg')
THEMES = tuple(palette.THEMES)

#: Cache directory of the graphs of the sum; no probe's file has this name.
_SUM = 'all'

#: Change this whenever graphs are drawn differently, to invalidate the cache.
_DRAWING_VERSION = '2'

_ANY_WINDOW = rrd_window.Window(1_000_000_000, 1_000_000_060, 1, False, '')

#: Maximum number of probes that have a band of their own in a stack.
_MAX_BANDS = 20

#: Seconds for which the order of probes by their power is used.
_RANKING_S = 60.0

#: Period, monotonic time until which it is used, and mean power by probe.
_Means = tuple[periods.Period | None, float, dict[str, float]]
_NO_MEANS: _Means = (None, 0.0, {})


class Image(typing.NamedTuple):
    """Image of a graph.

    :ivar tag: changes whenever the image does.
    """

    tag: str
    content: bytes


class PlotArea(typing.NamedTuple):
    """Left edge and width of a plot, as shares of the width of its graph."""

    left: float
    width: float


class Graphs:
    """Draws and caches graphs. Thread-safe.

    Only one process and thread at a time draws a graph; others that need the
    same graph wait for it.
    """

    def __init__(
        self, conf: cfg.ConfigOpts, archive: rrd_archive.Archive
    ) -> None:
        self._options = conf.rrd
        self._archive = archive
        self._cache = image_cache.ImageCache(
            pathlib.Path(conf.rrd.graph_directory).resolve(),
            conf.rrd.graph_cache_mb,
            conf.rrd.min_free_mb,
        )
        #: Newest order of the probes, by cache key of the period.
        self._means: dict[str, _Means] = {}
        self._version = hashlib.blake2s(
            repr(
                (
                    _DRAWING_VERSION,
                    conf.rrd.kwh_price,
                    conf.rrd.currency,
                    conf.rrd.graph_max_watts,
                )
            ).encode(),
            digest_size=4,
        ).hexdigest()

    def image(
        self,
        period: str,
        probe: str | None,
        image_format: str,
        theme: str,
        size: str,
    ) -> Image:
        """Return a graph from the cache; draw it if its data has changed.

        :param probe: None for all probes, stacked.
        :raises ProbeNotFound: if the probe has no file.
        :raises PeriodNotFound: if there is no such period.
        """
        query = self._archive.query(period, probe)
        directory = _SUM if probe is None else names.to_file(probe)
        name = (
            f'{directory}/{query.period.cache_key}-{size}-{theme}.'
            f'{image_format}'
        )
        style = drawing.Style(
            image_format,
            palette.THEMES[theme],
            SIZES[size],
            size != 'thumbnail',
            self._options.graph_max_watts,
        )
        image = self._cached(name, query)
        if image is None:
            with self._cache.lock(name):
                # Another thread may have drawn it in the meantime.
                query = self._archive.query(period, probe)
                image = self._cached(name, query) or self._draw(
                    name, query, style
                )
        return image

    @functools.cached_property
    def plot_areas(self) -> dict[str, PlotArea]:
        """Plot area by size, of graphs that are not thumbnails.

        They depend on the fonts of this machine, but not on the data.
        """
        areas = {}
        for size in ('full', 'narrow'):
            style = drawing.Style(
                FORMATS[0], palette.THEMES[THEMES[0]], SIZES[size], True
            )
            left, width = librrd.plot_area(
                *drawing.frame(style, _ANY_WINDOW, ''), *drawing.no_data(style)
            )
            areas[size] = PlotArea(
                left / SIZES[size][0], width / SIZES[size][0]
            )
        return areas

    def _cached(self, name: str, query: rrd_archive.Query) -> Image | None:
        tag = self._tag(query)
        content = self._cache.get(name, tag)
        return None if content is None else Image(tag, content)

    def _tag(self, query: rrd_archive.Query) -> str:
        return f'{query.window.tag}-{self._version}'

    def _draw(
        self, name: str, query: rrd_archive.Query, style: drawing.Style
    ) -> Image:
        title = 'All probes' if query.probe is None else query.probe
        frame = drawing.frame(
            style, query.window, f'{title}: {query.period.title()}'
        )
        if query.probe is None:
            content = self._draw_sum(query, style, frame)
        else:
            path = self._archive.path(query.probe)
            content = self._finish(
                style,
                frame,
                self._archive.read(query),
                None
                if path is None
                else drawing.probe(style, path, query.window),
            )
        image = Image(self._tag(query), content)
        self._cache.put(name, image.tag, image.content)
        return image

    def _draw_sum(
        self, query: rrd_archive.Query, style: drawing.Style, frame: list[str]
    ) -> bytes:
        bands = self._bands(query, style.theme)
        if not bands:
            return self._finish(style, frame, self._archive.read(query))
        stack = self._archive.stack(query, [band.probes for band in bands])
        means = [rrd_series.mean(band) for band in stack.bands]
        with band_file.create(stack) as path:
            return self._finish(
                style,
                frame,
                stack.total,
                drawing.stack(style, path, bands, means),
            )

    def _finish(
        self,
        style: drawing.Style,
        frame: list[str],
        series: rrd_series.Series,
        elements: list[str] | None = None,
    ) -> bytes:
        """Draw a graph with a legend.

        :param elements: None if there is no data.
        """
        arguments = frame + (elements or drawing.no_data(style))
        if elements and None in series.watts:
            arguments += drawing.unknown(style)
        if style.has_legend:
            arguments += drawing.legend(
                style, series.figures, self._options.currency
            )
        return librrd.draw(*arguments)

    def _bands(
        self, query: rrd_archive.Query, theme: palette.Theme
    ) -> list[drawing.Band]:
        """Return bands for the largest probes, and one for the rest."""
        ranked = self._ranked(query)
        bands = [
            drawing.Band(
                probe, [probe], palette.color(query.entries[probe].color)
            )
            for probe in sorted(ranked[:_MAX_BANDS])
        ]
        others = ranked[_MAX_BANDS:]
        if others:
            bands.append(
                drawing.Band(f'{len(others)} others', others, theme.others)
            )
        return bands

    def _ranked(self, query: rrd_archive.Query) -> list[str]:
        """Return the probes of the sum, those with the most power first.

        The order may be a minute old: computing it takes longer than drawing.
        """
        key = query.period.cache_key
        period, expires, means = self._means.get(key, _NO_MEANS)
        if (
            period != query.period
            or time.monotonic() >= expires
            or not query.entries.keys() <= means.keys()
        ):
            figures = self._archive.figures(query.period.name)
            means = {
                probe: row.average or 0.0 for probe, row in figures.items()
            }
            expires = time.monotonic() + _RANKING_S
            self._means[key] = query.period, expires, means
        return sorted(
            query.entries,
            key=lambda probe: means.get(probe, 0.0),
            reverse=True,
        )
