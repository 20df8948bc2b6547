# SPDX-License-Identifier: Apache-2.0

"""Time of the graph of a thousand probes, and of the page that shows it.

uWSGI serves the pages with two processes, as in production; another process
writes the files. Before each cold graph all probes get a new value, and all
cached graphs are deleted: that graph is drawn from the files. Its processor
time is that of the server, and includes reading the index of the archive.
The other graph is drawn from the same files by the recipe of Kwapi in a
process of its own; its start is not counted. Their sums are compared. An empty
graph of rrdtool shows what no program can save. The first graph is the
warm-up. A page is interactive once its scripts have run,
by Chromium's Navigation Timing.
"""

import argparse
import collections.abc
import sys

from benchmarks import comparison
from benchmarks.graphs import kwapi
from benchmarks.graphs import site as graphs_site
from energy_meter.tests.functional import simulation
from energy_meter.tests.functional.services import chromium

#: To reach: ratio of the cold graphs, and maximum ms of the others.
MIN_RATIO = 10.0
MAX_NOT_MODIFIED_MS = 2.0
MAX_INTERACTIVE_MS = 1000.0

#: Requests with an ETag in each round.
_REQUESTS = 50

_GRAPH = '/graph/hour/'
_PERIOD_S = 3600
_INTERACTIVE = """
return performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd
"""


def main() -> int:
    """Run the benchmark and return the exit code."""
    return comparison.main(__doc__, run, add_options)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this benchmark."""
    parser.add_argument('--probes', type=int, default=1000)


def run(
    arguments: argparse.Namespace,
) -> collections.abc.Iterator[comparison.Comparison]:
    """Yield the comparisons."""
    simulation.report(f'Writing {arguments.probes} files')
    with graphs_site.Site(arguments.probes) as site:
        simulation.report('cold graphs')
        yield cold(site, arguments)
        simulation.report('graphs with an ETag')
        yield from unchanged(site, arguments)
        simulation.report('pages in Chromium')
        yield pages(site, arguments)


def cold(
    site: graphs_site.Site, arguments: argparse.Namespace
) -> comparison.Comparison:
    """Compare graphs that are not cached."""
    ours, peers, empty = [], [], []
    for _ in range(arguments.rounds + 1):
        site.measure()
        site.empty_cache()
        answer = site.get(_GRAPH)
        drawing = kwapi.draw(site.paths(), site.now - _PERIOD_S, site.now)
        _verify(site, answer, drawing)
        ours.append(answer.cpu * 1000)
        peers.append(drawing.cpu * 1000)
        empty.append(kwapi.draw_empty() * 1000)
    figures = (
        comparison.figure('energy_meter', ours[1:]),
        comparison.figure('recipe of Kwapi', peers[1:]),
        comparison.figure('rrdtool, empty graph', empty[1:]),
    )
    return comparison.Comparison(
        f'cold graph of {arguments.probes} probes',
        'CPU ms',
        figures[0],
        figures[1:],
        (
            (
                f'a cold graph takes {MIN_RATIO:g} times less CPU than the '
                'recipe of Kwapi',
                figures[1].median >= MIN_RATIO * figures[0].median,
            ),
        ),
    )


def unchanged(
    site: graphs_site.Site, arguments: argparse.Namespace
) -> collections.abc.Iterator[comparison.Comparison]:
    """Measure the answers to a client that has the graph already."""
    tag = site.get(_GRAPH).response.headers['ETag']
    times, cpu = [], []
    for _ in range(arguments.rounds):
        began = site.cpu()
        for _ in range(_REQUESTS):
            answer = site.get(_GRAPH, **{'If-None-Match': tag})
            if answer.response.status != 304:
                raise RuntimeError(f'{_GRAPH}: {answer.response.status}')
            times.append(answer.seconds * 1000)
        cpu.append((site.cpu() - began) / _REQUESTS * 1000)
    figure = comparison.figure('energy_meter', times)
    yield comparison.Comparison(
        'graph that has not changed',
        'CPU ms',
        comparison.figure('energy_meter', cpu),
        (),
        (),
    )
    yield comparison.Comparison(
        'graph that has not changed',
        'ms',
        figure,
        (),
        (
            (
                f'304 within {MAX_NOT_MODIFIED_MS:g} ms',
                figure.median <= MAX_NOT_MODIFIED_MS,
            ),
        ),
    )


def pages(
    site: graphs_site.Site, arguments: argparse.Namespace
) -> comparison.Comparison:
    """Measure the page of all probes in a browser."""
    times = []
    with chromium.Chromium() as browser:
        for _ in range(arguments.rounds + 1):
            site.measure()
            browser.driver.get(f'{site.url}/last/hour/')
            cards = browser.driver.execute_script(
                'return document.querySelectorAll("[data-card]").length'
            )
            if cards != arguments.probes:
                raise RuntimeError(f'the page shows {cards} probes')
            times.append(browser.driver.execute_script(_INTERACTIVE))
    figure = comparison.figure('energy_meter', times[1:])
    return comparison.Comparison(
        f'page of {arguments.probes} probes is interactive',
        'ms',
        figure,
        (),
        (
            (
                f'the page is interactive within {MAX_INTERACTIVE_MS:g} ms',
                figure.median <= MAX_INTERACTIVE_MS,
            ),
        ),
    )


def _verify(
    site: graphs_site.Site,
    answer: graphs_site.Answer,
    drawing: kwapi.Drawing,
) -> None:
    """Check that both sides drew the same.

    :raises RuntimeError: if they did not.
    """
    for image in (answer.response.body, drawing.image):
        if not image.startswith(b'\x89PNG'):
            raise RuntimeError('a graph is not a PNG image')
    watts = site.get('/data/hour/?format=json').response.json['watts']
    if len(watts) != len(drawing.watts) or any(
        abs(ours - theirs) > 1e-6 * ours
        for ours, theirs in zip(watts, drawing.watts, strict=True)
    ):
        raise RuntimeError('the sums of both sides differ')


if __name__ == '__main__':
    sys.exit(main())
