# SPDX-License-Identifier: Apache-2.0

"""WSGI application of the API: controllers and middleware."""

from wsgiref import types

from oslo_config import cfg
from oslo_service import service

from energy_meter.api import attributed
from energy_meter.api import database
from energy_meter.api import energy
from energy_meter.api import instances
from energy_meter.api import metrics
from energy_meter.api import month_metrics
from energy_meter.api import probes
from energy_meter.api import root
from energy_meter.conf import api as api_conf
from energy_meter.db import attributing
from energy_meter.telemetry import counters
from energy_meter.web import access
from energy_meter.web import basic_auth
from energy_meter.web import errors
from energy_meter.web import middleware
from energy_meter.web import router
from energy_meter.web import server


def make(
    conf: cfg.ConfigOpts, counts: counters.Counters | None = None
) -> types.WSGIApplication:
    """Return the WSGI application.

    :param conf: the configuration; the middleware registers its options in
        it.
    :param counts: counters of the API, if they are exported.
    """
    engine = database.Database(
        conf, counts or counters.Counters(database.COUNTERS)
    )
    ttl = conf.api.probe_ttl
    authorize = access.authorizer(conf, api_conf.GROUP)
    controllers = router.Router(
        root.Root(
            probes.Probes(engine, ttl, authorize),
            metrics.Metrics(engine, ttl, conf.rrd.scope_precedence, authorize),
            month_metrics.MonthMetrics(
                engine,
                conf.rrd.scope_precedence,
                conf.api.datacenter,
                authorize,
            ),
            energy.Energy(engine, authorize),
            _attributed(conf, engine, authorize),
        ),
        default_renderer='json',
        guess_content_type_from_ext=False,
    )
    authenticated = access.authenticate(controllers, conf, api_conf.GROUP)
    # Version discovery must work without a token.
    unguarded: dict[tuple[str, ...], types.WSGIApplication] = {
        (): controllers,
        ('v1',): controllers,
    }
    if conf.api.metrics_htpasswd:
        scrapers = basic_auth.BasicAuth(
            controllers,
            conf.api.metrics_htpasswd,
            api_conf.GROUP,
            'metrics_htpasswd',
            fallback=authenticated,
        )
        unguarded |= {('metrics',): scrapers, ('metrics', 'energy'): scrapers}
    return middleware.build(
        authenticated, conf, api_conf.GROUP, unguarded, errors.as_json
    )


def _attributed(
    conf: cfg.ConfigOpts,
    engine: database.Database,
    authorize: access.Authorize,
) -> instances.Controllers:
    """Return the controllers of attributed energy.

    :raises ConfigurationError: if the method is not installed.
    """
    rules = attributing.rules(conf)
    interval = conf.api.instance_interval * 1000
    return instances.Controllers(
        attributed.Settings(engine, authorize, rules, interval)
    )


class API(service.ServiceBase):
    """The API with its HTTP server, as in ``energy-meter-api``.

    :raises ConfigurationError: if it would be readable from the network
        without authentication.
    """

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        self.counters = counters.Counters(database.COUNTERS)
        self._server = server.serve(
            make(conf, self.counters), conf, api_conf.GROUP, 'the API'
        )

    def start(self) -> None:
        """Start to listen.

        :raises ConfigurationError: if it cannot listen on the address.
        """
        self._server.start()

    def stop(self) -> None:
        """Finish the running requests and close the connections."""
        self._server.stop()

    def wait(self) -> None:
        """Wait until the server has stopped."""
        self._server.wait()

    def reset(self) -> None:
        """Do nothing: its options require a restart."""
