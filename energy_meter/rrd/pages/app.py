# SPDX-License-Identifier: Apache-2.0


"""The application: the controllers and the middleware around them."""

import typing

from oslo_config import cfg
import webob

from energy_meter.conf import rrd as rrd_conf
from energy_meter.rrd import archive as rrd_archive
from energy_meter.rrd import graph
from energy_meter.rrd.pages import files
from energy_meter.rrd.pages import headers
from energy_meter.rrd.pages import root
from energy_meter.rrd.pages import summary
from energy_meter.rrd.pages import view
from energy_meter.web import access
from energy_meter.web import errors
from energy_meter.web import router
from energy_meter.web import server
from energy_meter.web import stack


def make(conf: cfg.ConfigOpts) -> typing.Any:
    """Make the WSGI application.

    :param conf: the configuration; options of the middleware are registered
        with it.
    """
    archive = rrd_archive.Archive(conf)
    static = files.Files()
    views = view.View(
        static,
        '' if conf.rrd.kwh_price is None else conf.rrd.currency,
        conf.rrd.refresh,
    )
    controllers = router.Router(
        root.Root(
            summary.Summary(archive, conf.rrd.max_gap),
            archive,
            graph.Graphs(conf, archive),
            static,
            views,
            access.authorizer(conf, rrd_conf.GROUP),
        ),
        guess_content_type_from_ext=False,
    )

    def show(
        request: webob.Request, response: webob.Response, error: errors.Error
    ) -> None:
        response.text = views.error(request.script_name, error)
        response.content_type = 'text/html'

    # Around the rest: errors have them, too.
    return headers.Headers(
        stack.make(
            access.guard(controllers, conf, rrd_conf.GROUP), conf, {}, show
        )
    )


def serve(conf: cfg.ConfigOpts) -> server.Server:
    """Make the service that serves the application by itself."""
    return server.Server(make(conf), conf, rrd_conf.GROUP, 'The page server')
