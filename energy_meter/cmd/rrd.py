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


"""energy-meter-rrd: the RRD plugin, archive and pages."""

import functools
import sys

from energy_meter import rrd
from energy_meter.cmd import service

_PROG = 'energy-meter-rrd'
_DESCRIPTION = (
    'Read measurements from the bus, keep the power of every '
    'probe in an RRD file, and serve graphs of it.'
)


def main() -> None:
    if not rrd.is_installed():
        sys.exit(f'{_PROG}: {rrd.NOT_INSTALLED}')
    from energy_meter.rrd import service as rrd_service
    from energy_meter.rrd.pages import app

    conf = service.load(_PROG, _DESCRIPTION)
    # The pages first: a port that is taken shows before anything is read.
    reload = functools.partial(service.read, _PROG, _DESCRIPTION)
    service.run(
        conf, lambda: [app.serve(conf), rrd_service.Recorder(conf, reload)]
    )
