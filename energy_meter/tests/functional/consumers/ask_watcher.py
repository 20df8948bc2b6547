# SPDX-License-Identifier: Apache-2.0

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
