# SPDX-License-Identifier: Apache-2.0


"""Graphs, drawn when somebody looks and their data has changed."""

import hashlib
import pathlib
import typing

from oslo_config import cfg

from energy_meter.rrd import archive as rrd_archive
from energy_meter.rrd import drawing
from energy_meter.rrd import gallery
from energy_meter.rrd import librrd
from energy_meter.rrd import names
from energy_meter.rrd import palette

#: Width and height of an image, in pixels; the first is the default.
SIZES = {'full': (800, 360), 'thumbnail': (320, 120)}

#: The first is the default.
FORMATS = ('png', 'svg')
THEMES = tuple(palette.THEMES)

#: Where the graphs of all probes are kept; no file of a probe has this name.
_ALL = 'all'

#: Changes when graphs are drawn otherwise.
_EDITION = '1'

#: So many probes have a band of their own; the others share one.
_MOST_BANDS = 20


class Picture(typing.NamedTuple):
    """A graph.

    :ivar tag: differs whenever the picture does.
    """

    tag: str
    content: bytes


class Graphs:
    """Draws graphs and keeps them. Safe to use from several threads.

    A graph is drawn by one process and thread at a time; the others that
    want it wait for it.
    """

    def __init__(
        self, conf: cfg.ConfigOpts, archive: rrd_archive.Archive
    ) -> None:
        self._options = conf.rrd
        self._archive = archive
        self._gallery = gallery.Gallery(
            pathlib.Path(conf.rrd.graph_directory).resolve()
        )
        self._edition = hashlib.blake2s(
            repr(
                (
                    _EDITION,
                    conf.rrd.kwh_price,
                    conf.rrd.currency,
                    conf.rrd.upper_limit,
                )
            ).encode(),
            digest_size=4,
        ).hexdigest()

    def picture(
        self,
        period: str,
        probe: str | None,
        image_format: str,
        theme: str,
        size: str,
    ) -> Picture:
        """Draw a graph, or give the one that was drawn last.

        :param probe: None for all probes, stacked.
        :raises UnknownProbe: when it has no file.
        :raises UnknownPeriod: when there is no such period.
        """
        view = self._archive.view(period, probe)
        place = _ALL if probe is None else names.to_file(probe)
        name = f'{place}/{period}-{size}-{theme}.{image_format}'
        look = drawing.Look(
            image_format,
            palette.THEMES[theme],
            SIZES[size],
            size == 'full',
            self._options.upper_limit,
        )
        picture = self._find(name, view)
        if picture is None:
            with self._gallery.drawing(name):
                # Maybe somebody has drawn it meanwhile.
                view = self._archive.view(period, probe)
                picture = self._find(name, view) or self._draw(
                    name, view, look
                )
        return picture

    def _find(self, name: str, view: rrd_archive.View) -> Picture | None:
        tag = self._tag(view)
        content = self._gallery.find(name, tag)
        return None if content is None else Picture(tag, content)

    def _tag(self, view: rrd_archive.View) -> str:
        return f'{view.window.tag}-{self._edition}'

    def _draw(
        self, name: str, view: rrd_archive.View, look: drawing.Look
    ) -> Picture:
        series = self._archive.read(view)
        paths = self._archive.paths(view.shown)
        title = 'All probes' if view.probe is None else view.probe
        words = drawing.frame(
            look, view.window, f'{title}: last {view.period}'
        )
        if not paths:
            words += drawing.nothing(look)
        elif view.probe is None:
            words += drawing.stack(look, self._bands(view, paths, look.theme))
        else:
            words += drawing.probe(look, str(paths[view.probe]), view.window)
        if paths and None in series.watts:
            words += drawing.unknown(look)
        if look.explained:
            words += drawing.legend(series.figures, self._options.currency)
        picture = Picture(self._tag(view), librrd.draw(*words))
        self._gallery.keep(name, *picture)
        return picture

    def _bands(
        self,
        view: rrd_archive.View,
        paths: dict[str, pathlib.Path],
        theme: palette.Theme,
    ) -> list[drawing.Band]:
        """Choose the probes that draw most; the others share a band."""
        known = self._archive.figures(view.period)
        means = {
            probe: known[probe].average if probe in known else None
            for probe in paths
        }
        ranked = sorted(
            paths, key=lambda probe: means[probe] or 0, reverse=True
        )
        bands = [
            drawing.Band(
                probe,
                [str(paths[probe])],
                palette.colour(view.shown[probe].colour),
                means[probe],
            )
            for probe in sorted(ranked[:_MOST_BANDS])
        ]
        others = ranked[_MOST_BANDS:]
        if others:
            bands.append(
                drawing.Band(
                    f'{len(others)} others',
                    [str(paths[probe]) for probe in others],
                    theme.others,
                    sum(means[probe] or 0 for probe in others),
                )
            )
        return bands
