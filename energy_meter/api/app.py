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
