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

"""Ask Watcher's own datasource for the power of a host.

Runs where Watcher is installed:

    python ask_watcher.py CONFIGURATION HOST PERIOD GRANULARITY

It prints the latest mean of the period (seconds) as JSON.
"""

import json
import sys

from watcher import conf
from watcher.common import clients
from watcher.decision_engine.datasources import manager
from watcher.decision_engine.model import element

_METRIC = 'host_power'


def main() -> None:
    file, host, period, granularity = sys.argv[1:]
    conf.CONF(['--config-file', file], project='watcher')
    # Strategies ask for it in the same way.
    source = manager.DataSourceManager(
        config=conf.CONF.watcher_datasources, osc=clients.OpenStackClients()
    ).get_backend([_METRIC])
    node = element.ComputeNode(uuid=host, hostname=host)
    print(
        json.dumps(
            source.get_host_power(node, int(period), 'mean', int(granularity))
        )
    )


main()
