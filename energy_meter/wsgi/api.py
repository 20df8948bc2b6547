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

"""The API for a WSGI server: ``energy_meter.wsgi.api:application``.

The arguments of the process are the server's. Where the configuration is,
the environment tells: ``OS_ENERGY_METER_CONFIG_FILES``, separated by commas,
and ``OS_ENERGY_METER_CONFIG_DIR``. By default it is where the commands look
for it, /etc/energy_meter/energy_meter.conf.
"""

import os
import typing

from oslo_log import log

from energy_meter import conf as energy_meter_conf
from energy_meter.api import app


def _make() -> typing.Any:
    arguments = []
    for name in os.environ.get('OS_ENERGY_METER_CONFIG_FILES', '').split(','):
        if name.strip():
            arguments += ['--config-file', name.strip()]
    directory = os.environ.get('OS_ENERGY_METER_CONFIG_DIR')
    if directory:
        arguments += ['--config-dir', directory]
    conf = energy_meter_conf.load(arguments, 'energy-meter-api')
    log.setup(conf, 'energy_meter')
    return app.make(conf)


application = _make()
