# SPDX-License-Identifier: Apache-2.0


"""The pages, above an archive that a test fills."""

import html.parser
import pathlib
import time
from unittest import mock

import fixtures
from oslotest import base
import webtest

from energy_meter import conf as energy_meter_conf
from energy_meter import exception
from energy_meter.rrd import archive
from energy_meter.rrd import graph
from energy_meter.rrd import series
from energy_meter.rrd.pages import app

#: Breaks whatever does not escape it.
HOSTILE = 'x:y\'"\\n%s<script>'


class Archive:
    """As :class:`energy_meter.rrd.archive.Archive`, and the graphs, too.

    Every probe had 100 W for two seconds, and draws 150 W now. All have the
    sum.
    """

    def __init__(self):
        self.known = {}
        self.drawn = []

    def add(self, probe, scope='node', host='host', wattmeter='pdu'):
        self.known[probe] = archive.Probe(
            probe, scope, host, wattmeter, time.time(), 150.0
        )

    def silence(self, probe):
        self.known[probe] = self.known[probe]._replace(time=1.0)

    def probes(self):
        return list(self.known.values())

    def figures(self, period):
        return {
            probe: self.series(period, probe).figures for probe in self.known
        }

    def series(self, period, probe):
        watts = 100.0 * (len(self.known) if probe is None else 1)
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

    def picture(self, *what):
        if what[1] is not None:
            self._check(what[1])
        self.drawn.append(what)
        return graph.Picture(f'tag of {what}', b'picture')

    def file(self, probe):
        self._check(probe)
        return b'RRD'

    def _check(self, probe):
        if probe not in self.known:
            raise exception.UnknownProbe(probe=probe)


class Outline(html.parser.HTMLParser):
    """The elements of a page, as (name, attributes), and its texts."""

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
    """Has the application in ``pages``.

    :cvar config: the configuration file; ``{directory}`` stands for the
        test's own.
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
        """Make what the application needs."""

    def get(self, url, status=200, **headers):
        """Get what is at a URL that is quoted as a client would."""
        return self.pages.get(
            url,
            status=status,
            headers=headers,
            extra_environ={'REQUEST_URI': url},
        )
