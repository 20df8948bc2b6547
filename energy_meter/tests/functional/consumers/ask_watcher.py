# SPDX-License-Identifier: Apache-2.0

"""Read the power of a host with Watcher's own datasource.

Run it in the environment of Watcher:

    python ask_watcher.py CONFIGURATION HOST PERIOD GRANULARITY

It prints the latest mean of the period, in seconds, as JSON.
"""

import json
import sys

from watcher import conf
from watcher.common import clients
from watcher.decision_engine.datasources import manager
from watcher.decision_engine.model import element

_METRIC = 'host_power'


def main() -> None:
    """Print the power."""
    file, host, period, granularity = sys.argv[1:]
    conf.CONF(['--config-file', file], project='watcher')
    # As strategies do.
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
