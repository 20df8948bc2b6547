# SPDX-License-Identifier: Apache-2.0

"""Base of tests of the pages, with a fake archive."""

import html.parser
import pathlib
import time
from unittest import mock

import fixtures
from oslotest import base
import webtest

from energy_meter import conf as energy_meter_conf
from energy_meter import exception
from energy_meter.rrd.graphs import graph
from energy_meter.rrd.pages import app
from energy_meter.rrd.reading import archive
from energy_meter.rrd.reading import periods
from energy_meter.rrd.reading import series

#: Probe id that breaks output without escaping.
HOSTILE = 'x:y\'"\\n%s<script>'


class Archive:
    """Fake of both the archive and the graphs.

    Each probe had 100 W for two seconds and has 150 W now; a series of all
    probes is their sum.
    """

    def __init__(self):
        area = graph.PlotArea(0.1, 0.8)
        self.plot_areas = {'full': area, 'narrow': area}
        self._probes = {}
        self._steps = {}
        self.drawn = []

    def add(self, probe, scope='node', host='host', wattmeter='pdu'):
        self._probes[probe] = archive.Probe(
            probe, scope, host, wattmeter, time.time(), 150.0
        )

    def set_steps(self, period, known, unknown):
        """Set the number of known and unknown steps of a period."""
        self._steps[period] = [100.0] * known + [None] * unknown

    def make_stale(self, probe):
        self._probes[probe] = self._probes[probe]._replace(timestamp=1.0)

    def probes(self):
        return list(self._probes.values())

    def query(self, period, probe):
        return archive.Query(
            periods.parse(period), probe, self._probes, window=None
        )

    def figures(self, period):
        return {
            probe: self.series(period, probe).figures for probe in self._probes
        }

    def series(self, period, probe):
        if period in self._steps:
            steps = self._steps[period]
            return series.Series(1000, 1, steps, steps, steps)
        watts = 100.0 * (len(self._probes) if probe is None else 1)
        if probe is not None:
            self._check(probe)
        return series.Series(
            1000,
            1,
            [None, watts, watts],
            [None, watts - 1, watts],
            [None, watts, watts],
            price=0.5,
        )

    def image(self, *parameters):
        if parameters[1] is not None:
            self._check(parameters[1])
        self.drawn.append(parameters)
        return graph.Image(f'tag of {parameters}', b'image')

    def file(self, probe):
        self._check(probe)
        return b'RRD'

    def _check(self, probe):
        if probe not in self._probes:
            raise exception.ProbeNotFound(probe=probe)


class Outline(html.parser.HTMLParser):
    """Parses a page into elements, as (name, attributes), and texts."""

    def __init__(self, text):
        super().__init__()
        self.elements = []
        self.texts = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.texts.append(data.strip())

    def values(self, attribute):
        return [
            attributes[attribute]
            for _, attributes in self.elements
            if attribute in attributes
        ]


class PagesTestCase(base.BaseTestCase):
    """A test with the application as a WebTest client in ``pages``.

    :cvar config: the configuration file; ``{directory}`` stands for a
        temporary directory.
    """

    config = ''

    def setUp(self):
        super().setUp()
        self.directory = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        file = self.directory / 'test.conf'
        file.write_text(self.config.format(directory=self.directory))
        self.conf = energy_meter_conf.load(
            ['--config-file', str(file)], 'test'
        )
        self.archive = Archive()
        for module, name in ((archive, 'Archive'), (graph, 'Graphs')):
            patch = mock.patch.object(module, name, return_value=self.archive)
            patch.start()
            self.addCleanup(patch.stop)
        self.prepare()
        self.pages = webtest.TestApp(app.make(self.conf))

    def prepare(self):
        """Prepare the files that the application needs."""

    def get(self, url, status=200, **headers):
        """Request a URL with the quoting that a client would send."""
        return self.pages.get(
            url,
            status=status,
            headers=headers,
            extra_environ={'REQUEST_URI': url},
        )
