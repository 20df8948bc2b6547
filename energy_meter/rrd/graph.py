# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License. You may obtain
# a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
# WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
# License for the specific language governing permissions and limitations
# under the License.


"""Graphs, drawn when somebody looks and their data has changed."""

import typing

from oslo_config import cfg

from energy_meter.rrd import archive as rrd_archive

#: Width and height of an image, in pixels; the first is the default.
SIZES = {'full': (800, 320), 'thumbnail': (320, 120)}

#: The first is the default.
FORMATS = ('png', 'svg')
THEMES = ('light', 'dark')


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

    def __init__(self, conf: cfg.ConfigOpts,
                 archive: rrd_archive.Archive) -> None:
        self._options = conf.rrd
        self._archive = archive

    def picture(self, period: str, probe: str | None, image_format: str,
                theme: str, size: str) -> Picture:
        """Draw a graph, or give the one that was drawn last.

        :param probe: None for all probes, stacked.
        :raises UnknownProbe: when it has no file.
        :raises UnknownPeriod: when there is no such period.
        """
        raise NotImplementedError
