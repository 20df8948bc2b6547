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

"""energy-meter-forwarder: from buses to another bus."""

import functools

from energy_meter.cmd import service
from energy_meter.forwarder import service as forwarder_service

_PROG = 'energy-meter-forwarder'
_DESCRIPTION = (
    'Carry signed measurements, unchanged, from one or more buses to another.'
)


def main() -> None:
    conf = service.load(_PROG, _DESCRIPTION)
    reload = functools.partial(service.read, _PROG, _DESCRIPTION)
    service.run(conf, lambda: [forwarder_service.Forwarder(conf, reload)])
