# SPDX-License-Identifier: Apache-2.0

"""WSGI application: the controllers and the middleware around them."""

import typing

from oslo_config import cfg
import webob

from energy_meter.conf import rrd as rrd_conf
from energy_meter.rrd.energy import source as energy_source
from energy_meter.rrd.graphs import graph
from energy_meter.rrd.pages import attribution
from energy_meter.rrd.pages import compression
from energy_meter.rrd.pages import energy
from energy_meter.rrd.pages import headers
from energy_meter.rrd.pages import root
from energy_meter.rrd.pages import static_files
from energy_meter.rrd.pages import summary
from energy_meter.rrd.pages import view
from energy_meter.rrd.reading import archive as rrd_archive
from energy_meter.web import access
from energy_meter.web import errors
from energy_meter.web import middleware
from energy_meter.web import router
from energy_meter.web import server


def make(conf: cfg.ConfigOpts) -> typing.Any:
    """Return the WSGI application.

    :param conf: the configuration; the middleware registers its options.
    :raises ConfigurationError: if a section is invalid.
    """
    static = static_files.StaticFiles()
    source = energy_source.connect(conf)
    archive = rrd_archive.Archive(conf)
    graphs = graph.Graphs(conf, archive)
    renderer = view.Renderer(
        static,
        '' if conf.rrd.kwh_price is None else conf.rrd.currency,
        conf.rrd.refresh_interval,
        graphs.plot_areas,
        has_energy=source is not None,
    )
    controllers = root.Root(
        summary.Summary(archive, conf.rrd.max_gap),
        archive,
        graphs,
        static,
        renderer,
        access.authorizer(conf, rrd_conf.GROUP),
        energy.Energy(source, archive, renderer) if source else None,
        attribution.Attribution(source, renderer) if source else None,
    )
    return _with_middleware(controllers, renderer, conf)


def _with_middleware(
    controllers: root.Root, renderer: view.Renderer, conf: cfg.ConfigOpts
) -> typing.Any:
    application = router.Router(controllers, guess_content_type_from_ext=False)

    def show(
        request: webob.Request, response: webob.Response, error: errors.Error
    ) -> None:
        response.text = renderer.error(request.script_name, error)
        response.content_type = 'text/html'

    # Outermost, so that error pages have the headers, too.
    return compression.Compression(
        headers.Headers(
            middleware.build(
                access.authenticate(application, conf, rrd_conf.GROUP),
                conf,
                rrd_conf.GROUP,
                {},
                show,
            )
        )
    )


def serve(conf: cfg.ConfigOpts) -> server.HTTPServer:
    """Make the service that serves the application by itself."""
    return server.serve(make(conf), conf, rrd_conf.GROUP, 'graphs')
