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

"""energy-meter-api: the API with a small HTTP server of its own."""

from oslo_config import cfg
from oslo_service import service as oslo_service

from energy_meter.api import app
from energy_meter.cmd import service
from energy_meter.db import engine
from energy_meter.db import migration

_PROG = 'energy-meter-api'
_DESCRIPTION = (
    'Serve the API. Larger installations run '
    'energy_meter.wsgi.api:application under uWSGI instead.'
)


def main() -> None:
    conf = service.load(_PROG, _DESCRIPTION)
    service.run(conf, lambda: _services(conf))


def _services(conf: cfg.ConfigOpts) -> list[oslo_service.ServiceBase]:
    migration.check(engine.connect(conf))
    return [app.serve(conf)]
