# SPDX-License-Identifier: Apache-2.0


"""The application: the controllers and the middleware around them."""

import typing

from oslo_config import cfg

from energy_meter.api import database
from energy_meter.api import metrics
from energy_meter.api import probes
from energy_meter.api import root
from energy_meter.conf import api as api_conf
from energy_meter.web import access
from energy_meter.web import basic_auth
from energy_meter.web import errors
from energy_meter.web import router
from energy_meter.web import server
from energy_meter.web import stack


def make(conf: cfg.ConfigOpts) -> typing.Any:
    """Make the WSGI application.

    :param conf: the configuration; options of the middleware are registered
        with it.
    """
    connected = database.Database(conf)
    ttl = conf.api.probe_ttl
    authorize = access.authorizer(conf, api_conf.GROUP)
    controllers = router.Router(
        root.Root(
            probes.Probes(connected, ttl, authorize),
            metrics.Metrics(connected, ttl, conf.rrd.scopes, authorize),
        ),
        default_renderer='json',
        guess_content_type_from_ext=False,
    )
    guarded = access.guard(controllers, conf, api_conf.GROUP)
    # Everybody may read the versions.
    doors: dict[tuple[str, ...], typing.Any] = {
        (): controllers,
        ('v1',): controllers,
    }
    if conf.api.metrics_htpasswd:
        doors['metrics',] = basic_auth.BasicAuth(
            controllers,
            conf.api.metrics_htpasswd,
            api_conf.GROUP,
            'metrics_htpasswd',
            otherwise=guarded,
        )
    return stack.make(guarded, conf, doors, errors.as_json)


def serve(conf: cfg.ConfigOpts) -> server.Server:
    """Make the service that serves the application by itself."""
    return server.Server(make(conf), conf, api_conf.GROUP, 'The API')
